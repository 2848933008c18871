// A running netwright, to be signalled in the middle of its work.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace netwright::test {

class Child {
 public:
  // netwright ARGS..., its output into `log`.
  Child(const std::vector<std::string>& args, const std::string& log);
  // Kills it, if it still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Waits until the condition holds; false when the program ended before.
  bool wait_until(const std::function<bool()>& condition);
  void signal(int number) const;
  // Waits for the end; the exit code, or 128 + the signal that ended it.
  int wait();

 private:
  bool poll();

  pid_t pid_ = -1;
  int code_ = -1;  // -1: it runs
};

}  // namespace netwright::test
