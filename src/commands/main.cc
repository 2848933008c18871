#include <string>
#include <vector>

#include "commands/command.h"

int main(int argc, char** argv) { return netwright::run_program(std::vector<std::string>(argv + 1, argv + argc)); }
