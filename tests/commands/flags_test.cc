#include "commands/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace netwright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

struct Options {
  std::string model;
  std::vector<std::string> images;
  int64_t batch = 64;
  int threads = 2;
  double rate = 0.5;
  bool averages = true;
  std::string precision = "fp32";
  std::optional<double> epsilon;
  std::optional<bool> keras;
  std::string size = "224";
};

Flags declare(Options& o) {
  Flags flags({.usage = "eat food MODEL [IMAGE...]", .about = "Eats.", .example = "netwright eat food all"});
  flags.positional("MODEL", o.model, "architecture");
  flags.positionals("IMAGE", o.images, 0, "pictures");
  flags.add("train_batch", o.batch, {.help = "images a step", .range = at_least(1)});
  flags.add("threads", o.threads, {.help = "threads"});
  flags.add("rate", o.rate, {.help = "a share", .range = kRate});
  flags.add("averages", o.averages, {.help = "use averages"});
  flags.add("precision", o.precision, {.help = "of values", .choices = {"fp32", "bf16"}});
  flags.add("epsilon", o.epsilon, {.help = "small", .range = above(0), .rare = true});
  flags.add("keras", o.keras, {.help = "names", .rare = true});
  flags.add_parsed(
      "size", [&o](const std::string& text) { o.size = text + "!"; }, {.help = "pixels"}, "224");
  return flags;
}

Options parsed(const std::vector<std::string>& args) {
  Options options;
  declare(options).parse(args);
  return options;
}

std::string error_of(const std::vector<std::string>& args) {
  try {
    parsed(args);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Flags, KeepDefaultsWhenNotGiven) {
  const Options o = parsed({"b0"});
  EXPECT_EQ(o.model, "b0");
  EXPECT_EQ(o.batch, 64);
  EXPECT_TRUE(o.averages);
  EXPECT_FALSE(o.epsilon.has_value());
}

TEST(Flags, TakeEveryForm) {
  const Options o = parsed({"--train-batch=8", "m", "--threads", "4", "a.png", "--noaverages", "--epsilon", "1e-3",
                            "--nokeras", "--precision=bf16", "--size", "96", "--", "--b.png"});
  EXPECT_EQ(o.batch, 8);
  EXPECT_EQ(o.threads, 4);
  EXPECT_EQ(o.model, "m");
  EXPECT_THAT(o.images, ElementsAre("a.png", "--b.png"));
  EXPECT_FALSE(o.averages);
  EXPECT_EQ(o.epsilon, 1e-3);
  EXPECT_EQ(o.keras, false);
  EXPECT_EQ(o.precision, "bf16");
  EXPECT_EQ(o.size, "96!");
}

TEST(Flags, TakeNegativeNumbersTheLastOfTwoAndTextsThatAreEmpty) {
  EXPECT_EQ(parsed({"m", "--threads", "-4"}).threads, -4);
  EXPECT_EQ(parsed({"m", "--train_batch=2", "--train_batch=3"}).batch, 3);
  EXPECT_EQ(parsed({"m", "--averages=False"}).averages, false);
  EXPECT_EQ(parsed({"m", "--size="}).size, "!");
  EXPECT_EQ(parsed({"m", "-train_batch=5"}).batch, 5);
}

TEST(Flags, RefuseUnknownOnesWithTheNearest) {
  EXPECT_EQ(error_of({"m", "--train_bach=3"}), "unknown flag --train_bach; did you mean --train_batch?");
  EXPECT_EQ(error_of({"m", "--noaverage"}), "unknown flag --noaverage; did you mean --noaverages or --averages?");
  EXPECT_EQ(error_of({"m", "--xyzzy"}), "unknown flag --xyzzy; `netwright eat food --help_all` lists them");
  EXPECT_THAT(error_of({"m", "-q"}), HasSubstr("unknown flag -q; "));
  EXPECT_THAT(error_of({"m", "--notrain_batch"}), HasSubstr("unknown flag --notrain_batch"));
}

TEST(Flags, ReadValuesStrictly) {
  EXPECT_EQ(error_of({"m", "--train_batch=12x"}), "--train_batch=12x: not a whole number");
  EXPECT_EQ(error_of({"m", "--train_batch="}), "--train_batch=: not a whole number");
  EXPECT_EQ(error_of({"m", "--train_batch=1.5"}), "--train_batch=1.5: not a whole number");
  EXPECT_EQ(error_of({"m", "--train_batch= 1"}), "--train_batch= 1: not a whole number");
  EXPECT_EQ(error_of({"m", "--threads=3000000000"}), "--threads=3000000000: too large or too small for a whole number");
  EXPECT_EQ(error_of({"m", "--rate=half"}), "--rate=half: not a number");
  EXPECT_EQ(error_of({"m", "--rate=nan"}), "--rate=nan: not a number");
  EXPECT_EQ(error_of({"m", "--rate=inf"}), "--rate=inf: not a number");
  EXPECT_EQ(error_of({"m", "--averages=maybe"}), "--averages=maybe: must be true or false");
  EXPECT_EQ(error_of({"m", "--precision=fp8"}), "--precision=fp8: must be one of fp32, bf16");
}

TEST(Flags, HoldRanges) {
  EXPECT_EQ(error_of({"m", "--train_batch=0"}), "--train_batch=0: must be at least 1");
  EXPECT_EQ(error_of({"m", "--rate=1"}), "--rate=1: must be in [0, 1)");
  EXPECT_EQ(error_of({"m", "--rate=0"}), "no error");
  EXPECT_EQ(error_of({"m", "--epsilon=0"}), "--epsilon=0: must be above 0");
}

TEST(Flags, RefuseMissingValuesAndArguments) {
  EXPECT_EQ(error_of({"m", "--train_batch"}), "--train_batch needs a value");
  EXPECT_EQ(error_of({"m", "--precision", "--rate=0"}), "--precision needs a value");
  EXPECT_EQ(error_of({"m", "--noaverages=true"}), "--noaverages takes no value; write --averages=true");
  EXPECT_EQ(error_of({}), "MODEL is missing; usage: netwright eat food MODEL [IMAGE...]");
  std::string only;
  Flags flags({.usage = "one NAME", .about = "", .example = ""});
  flags.positional("NAME", only, "");
  const std::vector<std::string> args = {"a", "b"};
  EXPECT_THROW(
      {
        try {
          flags.parse(args);
        } catch (const Error& error) {
          EXPECT_STREQ(error.what(), "unexpected argument 'b'; usage: netwright one NAME");
          throw;
        }
      },
      Error);
}

TEST(Flags, TellWhatWasGivenAndAllValues) {
  Options options;
  Flags flags = declare(options);
  flags.parse(std::vector<std::string>{"m", "--rate=0.25", "--size=32", "--nokeras"});
  EXPECT_TRUE(flags.given("rate"));
  EXPECT_FALSE(flags.given("threads"));
  EXPECT_THAT(flags.values(), ElementsAre(Pair("train_batch", "64"), Pair("threads", "2"), Pair("rate", "0.25"),
                                          Pair("averages", "true"), Pair("precision", "fp32"), Pair("epsilon", ""),
                                          Pair("keras", "false"), Pair("size", "32")));
}

TEST(Flags, HelpShowsDefaultsAndHidesRareOnes) {
  Options options;
  const Flags flags = declare(options);
  EXPECT_THAT(flags.help(false), HasSubstr("  --train_batch=N          images a step [64]\n"));
  EXPECT_THAT(flags.help(false), HasSubstr("  --precision=TEXT         of values: fp32, bf16 [fp32]\n"));
  EXPECT_THAT(flags.help(false), HasSubstr("  --[no]averages           use averages [true]\n"));
  EXPECT_THAT(flags.help(false), Not(HasSubstr("epsilon")));
  EXPECT_THAT(flags.help(false), HasSubstr("2 more flags"));
  EXPECT_THAT(flags.help(true), HasSubstr("--epsilon=X"));
}

}  // namespace
}  // namespace netwright
