#include "core/log.h"

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

TEST(Progress, NothingIsSaidAboutWorkThatDidNotBegin) {
  testing::internal::CaptureStderr();
  { const Progress progress("reading", "files", 0); }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace netwright
