// Every entry of the golden schedules of EfficientNet and MnasNet.
#include "train/schedule.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "support/golden.h"

namespace netwright {
namespace {

class GoldenSchedules : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("NETWRIGHT_GOLDEN");
    const std::string root = folder != nullptr ? folder : NETWRIGHT_SOURCE_DIR "/../shared/golden";
    const std::string path = root + "/efficientnet/schedules.json";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "SKIPPED: no " << path;
    std::ifstream(path) >> golden_;
  }
  nlohmann::json golden_;
};

// Distance in units in the last place; both are positive or zero.
int64_t ulps(float a, float b) {
  return std::abs(int64_t{std::bit_cast<int32_t>(a)} - int64_t{std::bit_cast<int32_t>(b)});
}

ScheduleSettings settings_of(const nlohmann::json& arguments) {
  ScheduleSettings settings;
  const auto number = [&](const char* name, double otherwise) {
    return arguments.contains(name) && !arguments[name].is_null() ? arguments[name].get<double>() : otherwise;
  };
  settings.kind = parse_schedule(arguments.value("lr_decay_type", "exponential"));
  settings.initial_rate = number("initial_lr", 0.1);
  settings.steps_per_epoch = number("steps_per_epoch", 0.0);
  settings.decay_factor = number("decay_factor", settings.decay_factor);
  settings.decay_epochs = number("decay_epochs", settings.decay_epochs);
  settings.total_steps = static_cast<int64_t>(number("total_steps", 0.0));
  settings.warmup_epochs = number("warmup_epochs", settings.warmup_epochs);
  return settings;
}

TEST_F(GoldenSchedules, LearningRates) {
  int compared = 0;
  for (const auto& entry : golden_["learning_rate"]) {
    const ScheduleSettings settings = settings_of(entry["arguments"]);
    for (size_t i = 0; i < entry["steps"].size(); ++i) {
      const auto step = entry["steps"][i].get<int64_t>();
      const auto expected = static_cast<float>(entry["values"][i].get<double>());
      const float rate = learning_rate(settings, step);
      EXPECT_LE(ulps(rate, expected), 2) << entry["name"] << ", step " << step << ": " << rate << ", not " << expected;
      ++compared;
    }
  }
  EXPECT_GT(compared, 1500);
}

TEST_F(GoldenSchedules, ErrorsWhereTheOriginalAsserts) {
  for (const auto& entry : golden_["errors"]) {
    EXPECT_THROW(learning_rate(settings_of(entry["arguments"]), 1), Error) << entry["arguments"];
  }
}

TEST_F(GoldenSchedules, AverageDecay) {
  const auto& entry = golden_["moving_average_decay"];
  for (size_t i = 0; i < entry["num_updates"].size(); ++i) {
    const float decay = average_decay(entry["decay"], entry["num_updates"][i]);
    EXPECT_LE(ulps(decay, static_cast<float>(entry["values"][i].get<double>())), 1) << entry["num_updates"][i];
  }
}

TEST(Schedule, UnknownNameListsTheKnown) {
  try {
    parse_schedule("linear");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "learning rate schedule \"linear\" is not known; there are exponential, cosine, constant, poly, "
                 "cosine_after_warmup");
  }
}

TEST(Schedule, TunasRates) {
  const nlohmann::json golden = golden::json_of("tunas/schedules.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden schedules of tunas";
  int compared = 0;
  for (const nlohmann::json& row : golden["cosine_decay_with_linear_warmup"]) {
    ScheduleSettings settings;
    settings.kind = ScheduleKind::kCosineAfterWarmup;
    settings.initial_rate = row["peak"].get<double>();
    settings.total_steps = row["max_global_step"].get<int64_t>();
    settings.steps_per_epoch = 1.0;
    settings.warmup_epochs = row["warmup_steps"].get<double>();
    for (size_t i = 0; i < row["steps"].size(); ++i) {
      const auto wanted = row["values"][i].get<float>();
      const float found = learning_rate(settings, row["steps"][i].get<int64_t>());
      EXPECT_LE(ulps(found, wanted), 1) << row["steps"][i] << ": " << found << ", expected " << wanted;
      ++compared;
    }
  }
  EXPECT_GT(compared, 50);
}

// Samples of spec mnasnet 4, batch 1024 and 350 epochs.
TEST(Schedule, MnasNetDefaults) {
  ScheduleSettings settings;
  settings.initial_rate = 0.064;
  settings.steps_per_epoch = 1281167.0 / 1024;
  EXPECT_EQ(warmup_steps(settings), 6255);
  EXPECT_FLOAT_EQ(learning_rate(settings, 0), 0.0F);
  EXPECT_NEAR(learning_rate(settings, 6254), 0.0639898, 5e-8);
  EXPECT_NEAR(learning_rate(settings, 6255), 0.0602176, 5e-8);
  EXPECT_NEAR(learning_rate(settings, 437897), 7.72825e-4, 5e-9);
}

}  // namespace
}  // namespace netwright
