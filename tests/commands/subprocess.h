// Runs the built program as a user would.
#pragma once

#include <string>
#include <vector>

namespace netwright {

struct ProgramResult {
  int exit_code = -1;  // 128 + the signal's number if one ended it
  std::string out;
  std::string err;
};

// netwright ARGS..., without standard input. `out` may name a file that takes standard output instead ("/dev/full").
ProgramResult run_netwright(const std::vector<std::string>& args, const std::string& out_file = {});

// Any program, found in PATH.
ProgramResult run(const std::vector<std::string>& args, const std::string& out_file = {});

}  // namespace netwright
