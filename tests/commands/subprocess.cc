#include "commands/subprocess.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/error.h"

namespace netwright {
namespace {

// Rewinds, reads and closes a temporary file.
std::string take_content(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

[[noreturn]] void become(const std::vector<std::string>& args, int out, int err, const std::string& out_file) {
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  if (!out_file.empty()) out = ::open(out_file.c_str(), O_WRONLY);
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

ProgramResult run(const std::vector<std::string>& args, const std::string& out_file) {
  std::FILE* out = std::tmpfile();
  std::FILE* err = std::tmpfile();
  if (!out || !err) fail("can't make temporary files");
  const pid_t child = ::fork();
  if (child == 0) become(args, ::fileno(out), ::fileno(err), out_file);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) fail("can't run {}", args[0]);
  ProgramResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = take_content(out);
  result.err = take_content(err);
  return result;
}

ProgramResult run_netwright(const std::vector<std::string>& args, const std::string& out_file) {
  std::vector<std::string> all = {NETWRIGHT_BINARY_DIR "/netwright"};
  all.insert(all.end(), args.begin(), args.end());
  return run(all, out_file);
}

}  // namespace netwright
