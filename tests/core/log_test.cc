#include "core/log.h"

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/progress.h"

namespace netwright {
namespace {

TEST(Log, LevelsAndPrefixes) {
  testing::internal::CaptureStderr();
  log_info("read {} files", 3);
  log_warning("{} is odd", "this");
  log_message(LogLevel::kError, "bad");
  log_message(LogLevel::kDebug, "not shown");
  set_log_level(LogLevel::kWarning);
  log_info("not shown either");
  set_log_level(LogLevel::kInfo);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "read 3 files\nwarning: this is odd\nerror: bad\n");
}

TEST(Progress, TheLastStateIsALine) {
  testing::internal::CaptureStderr();
  {
    Progress progress("training", "images", 200, 100);
    progress.update(150, "loss 2.5");
    EXPECT_GT(progress.rate(), 0.0);
  }
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_THAT(line, testing::StartsWith("training 150/200 images (75%), "));
  EXPECT_THAT(line, testing::EndsWith(" left, loss 2.5\n"));
}

// A longer line would be wrapped, and each new one leave a row of the last.
TEST(Progress, OnATerminalALineKeepsToItsWidth) {
  winsize size{};
  size.ws_col = 40;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child < 0) GTEST_SKIP() << "SKIPPED: no pseudo-terminal: " << std::strerror(errno);
  if (child == 0) {
    {
      Progress progress("training", "images", 200);
      progress.update(150, "step 12, loss 2.5, waiting for data 3 %");
    }
    ::_exit(0);
  }
  std::string shown;
  char buffer[256];
  for (ssize_t count = 0; (count = ::read(terminal, buffer, sizeof buffer)) > 0;) {
    shown.append(buffer, static_cast<size_t>(count));
  }
  ::close(terminal);
  ::waitpid(child, nullptr, 0);
  const std::string begin = "\r\x1b[K";
  ASSERT_THAT(shown, testing::StartsWith(begin + "training 150/200 images (75%), "));
  EXPECT_EQ(shown.substr(begin.size()).find('\r'), 39U) << shown;
}

TEST(Progress, NothingIsSaidAboutWorkThatDidNotBegin) {
  testing::internal::CaptureStderr();
  { const Progress progress("reading", "files", 0); }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace netwright
