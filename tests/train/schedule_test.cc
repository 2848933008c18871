// Every entry of the golden schedules of EfficientNet and MnasNet, TuNAS and AmoebaNet.
#include "train/schedule.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <map>
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
    golden_ = golden::json_of("efficientnet/schedules.json");
    if (golden_.is_null()) GTEST_SKIP() << "SKIPPED: no golden folder";
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
  size_t compared = 0;
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
  ASSERT_GE(golden_["errors"].size(), golden::at_least(4));
  for (const auto& entry : golden_["errors"]) {
    EXPECT_THROW(learning_rate(settings_of(entry["arguments"]), 1), Error) << entry["arguments"];
  }
}

TEST_F(GoldenSchedules, AverageDecay) {
  const auto& entry = golden_["moving_average_decay"];
  ASSERT_GE(entry["num_updates"].size(), golden::at_least(10));
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
  size_t compared = 0;
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

// Flags of amoeba_net.py that aren't given have its defaults (spec amoebanet 4.6, 6.1).
ScheduleSettings amoebanet_settings(const nlohmann::json& json) {
  const std::map<std::string, std::string> flags = golden::flags_of(json);
  const auto number = [&](const char* name, double otherwise) {
    return flags.contains(name) ? std::stod(flags.at(name)) : otherwise;
  };
  ScheduleSettings settings;
  settings.kind = parse_schedule(flags.contains("lr_decay_method") ? flags.at("lr_decay_method") : "exponential");
  settings.initial_rate = number("lr", 0.64);
  settings.least_share = 1e-4;
  settings.steps_per_epoch = std::floor(number("num_train_images", 1281167) / number("train_batch_size", 256));
  settings.decay_factor = number("lr_decay_value", 0.9);
  settings.decay_epochs = number("lr_num_epochs_per_decay", 1);
  settings.warmup_epochs = settings.kind == ScheduleKind::kExponential ? number("lr_warmup_epochs", 3) : 0.0;
  settings.total_steps = static_cast<int64_t>(settings.steps_per_epoch * number("num_epochs", 48));
  return settings;
}

TEST(Schedule, AmoebaNetRates) {
  const nlohmann::json golden = golden::json_of("amoebanet/learning_rate.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden folder";
  size_t compared = 0;
  size_t least = 0;
  for (const nlohmann::json& entry : golden["cases"]) {
    const ScheduleSettings settings = amoebanet_settings(entry);
    EXPECT_EQ(settings.steps_per_epoch, entry["steps_per_epoch"]) << entry["flags"];
    if (settings.kind == ScheduleKind::kExponential) {
      EXPECT_EQ(warmup_steps(settings), entry["warmup_steps"]) << entry["flags"];
    }
    for (size_t i = 0; i < entry["steps"].size(); ++i) {
      const auto wanted = entry["values"][i].get<float>();
      const float found = learning_rate(settings, entry["steps"][i].get<int64_t>());
      EXPECT_LE(ulps(found, wanted), 2) << entry["flags"] << ", step " << entry["steps"][i] << ": " << found
                                        << ", expected " << wanted;
      ++compared;
      if (wanted == static_cast<float>(settings.least_share * settings.initial_rate)) ++least;
    }
  }
  EXPECT_GE(compared, golden::at_least(130));
  EXPECT_GE(least, golden::at_least(10)) << "rates at the least share";
  EXPECT_GE(golden["errors"].size(), golden::at_least(2));
  for (const nlohmann::json& entry : golden["errors"]) {
    EXPECT_THROW(amoebanet_settings(entry), Error) << entry["flags"];
  }
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
