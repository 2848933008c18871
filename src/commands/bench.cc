#include "commands/bench.h"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "core/process_memory.h"
#include "core/text.h"
#include "formats/json_text.h"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMilliseconds = 1e3;
constexpr double kGiga = 1e-9;

double total_seconds(const BenchReport& report) {
  double sum = 0.0;
  for (const Profile::Row& row : report.kinds) sum += row.seconds();
  for (const ProfilePart& part : report.parts) sum += part.seconds;
  return sum;
}

void print_rates(const Rates& rates) {
  const auto line = [&](std::string_view name, double seconds) {
    print("  {:<8}{:>10.2f} images/s{:>12.2f} ms a step\n", name, rates.images_per_second(seconds),
          kMilliseconds * seconds / static_cast<double>(rates.steps));
  };
  line("best", rates.best());
  line("median", rates.median());
}

void print_memory(const MemoryReport& memory) {
  print("memory\n  {:<12}{:>12}  the plan's peak and the flat buffers\n", "predicted", format_bytes(memory.predicted));
  if (memory.measured == 0) return;
  print("  {:<12}{:>12}  growth of the process ({:+.1f} %)\n", "measured", format_bytes(memory.measured),
        100.0 * (static_cast<double>(memory.measured) / static_cast<double>(memory.predicted) - 1.0));
  print("  {:<12}{:>12}  the most that tensors took\n", "tensors", format_bytes(memory.tensors));
}

void print_profile_rows(const BenchReport& report, const std::vector<Profile::Row>& rows, std::string_view title) {
  const double to_milliseconds = kMilliseconds / static_cast<double>(report.profiled_steps);
  const double total = total_seconds(report);
  size_t width = title.size();
  for (const Profile::Row& row : rows) width = std::max(width, row.kind.size());
  print("\n{:<{}}{:>7}{:>12}{:>12}{:>12}{:>9}{:>10}{:>9}{:>10}{:>8}\n", title, width, "steps", "forward ms",
        "backward ms", "both ms", "share", "GFLOP", "GB", "GFLOP/s", "GB/s");
  for (const Profile::Row& row : rows) {
    const double seconds = row.seconds() / static_cast<double>(report.profiled_steps);
    const double gigaflop = kGiga * static_cast<double>(row.operations);
    const double gigabytes = kGiga * static_cast<double>(row.bytes);
    print("{:<{}}{:>7}{:>12.2f}{:>12.2f}{:>12.2f}{:>7.1f} %{:>10.3f}{:>9.3f}{:>10.1f}{:>8.1f}\n", row.kind, width,
          row.steps, row.forward * to_milliseconds, row.backward * to_milliseconds, row.seconds() * to_milliseconds,
          100.0 * row.seconds() / total, gigaflop, gigabytes, gigaflop / seconds, gigabytes / seconds);
  }
}

void print_profile(const BenchReport& report) {
  std::vector<Profile::Row> rows = report.kinds;
  Profile::Row sum{.kind = "all steps"};
  for (const Profile::Row& row : rows) {
    sum.steps += row.steps;
    sum.forward += row.forward;
    sum.backward += row.backward;
    sum.operations += row.operations;
    sum.bytes += row.bytes;
  }
  rows.push_back(sum);
  print_profile_rows(report, rows, "by operator");
  for (const ProfilePart& part : report.parts) {
    print("{:<20}{:>10.2f} ms{:>7.1f} %\n", part.name,
          kMilliseconds * part.seconds / static_cast<double>(report.profiled_steps),
          100.0 * part.seconds / total_seconds(report));
  }
  print_profile_rows(report, report.longest, "longest steps");
}

Json to_json(const Rates& rates) {
  Json rounds = Json::array();
  for (const double seconds : rates.seconds) rounds.push_back(rates.images_per_second(seconds));
  const auto milliseconds = [&](double seconds) { return kMilliseconds * seconds / static_cast<double>(rates.steps); };
  return {{"batch", rates.batch},
          {"steps_a_round", rates.steps},
          {"images_per_second",
           {{"best", rates.images_per_second(rates.best())},
            {"median", rates.images_per_second(rates.median())},
            {"rounds", rounds}}},
          {"milliseconds_a_step", {{"best", milliseconds(rates.best())}, {"median", milliseconds(rates.median())}}}};
}

Json to_json(const std::vector<Profile::Row>& rows, int64_t steps) {
  Json list = Json::array();
  const double to_milliseconds = kMilliseconds / static_cast<double>(steps);
  for (const Profile::Row& row : rows) {
    list.push_back({{"name", row.kind},
                    {"steps", row.steps},
                    {"forward_ms", row.forward * to_milliseconds},
                    {"backward_ms", row.backward * to_milliseconds},
                    {"operations", row.operations},
                    {"bytes", row.bytes}});
  }
  return list;
}

Json to_json(const BenchReport& report) {
  Json json = {{"command", report.command}, {"model", report.model}};
  if (!report.precision.empty()) json["precision"] = report.precision;
  json["device"] = report.device;
  json["input_shape"] = report.input_shape;
  json.update(to_json(report.rates));
  if (report.memory) {
    json["memory"] = {{"predicted_bytes", report.memory->predicted}};
    if (report.memory->measured > 0) {
      json["memory"]["measured_bytes"] = report.memory->measured;
      json["memory"]["tensor_bytes"] = report.memory->tensors;
    }
  }
  if (report.profiled_steps > 0) {
    Json parts = Json::array();
    for (const ProfilePart& part : report.parts) {
      parts.push_back(
          {{"name", part.name}, {"ms", kMilliseconds * part.seconds / static_cast<double>(report.profiled_steps)}});
    }
    json["profile"] = {{"kinds", to_json(report.kinds, report.profiled_steps)},
                       {"parts", std::move(parts)},
                       {"longest", to_json(report.longest, report.profiled_steps)}};
  }
  return json;
}

}  // namespace

void declare_bench_flags(Flags& flags, BenchChoice& choice) {
  flags.section("measurement");
  flags.add("batch", choice.batch, {.help = "images a step", .range = between(1, 1 << 20)});
  flags.add("steps", choice.steps, {.help = "of a round", .range = between(1, 1e6)});
  flags.add("rounds", choice.rounds, {.help = "best and median are of these", .range = between(1, 1e6)});
  flags.add("warmup", choice.warmup, {.help = "steps before the first round", .range = between(0, 1e6)});
  flags.add("json", choice.json, {.help = "print JSON"});
}

double Rates::images_per_second(double round_seconds) const {
  return static_cast<double>(batch * steps) / round_seconds;
}

double Rates::best() const { return *std::min_element(seconds.begin(), seconds.end()); }

double Rates::median() const {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
}

Rates measure_rounds(const BenchChoice& choice, const std::function<void()>& step, const std::function<void()>& finish,
                     const std::function<void()>& ready) {
  Rates rates{.batch = choice.batch, .steps = choice.steps};
  for (int64_t i = 0; i < choice.warmup; ++i) step();
  finish();
  ready();
  for (int64_t round = 0; round < choice.rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < choice.steps; ++i) step();
    finish();
    rates.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return rates;
}

MemoryMeter::MemoryMeter() : before_(resident_bytes()), peak_is_ours_(reset_peak_resident_bytes()) {}

int64_t MemoryMeter::growth() const { return (peak_is_ours_ ? peak_resident_bytes() : resident_bytes()) - before_; }

void print_report(const BenchReport& report, bool json) {
  if (json) return print("{}\n", json_text(to_json(report), 2));
  print("{} {}: {} images of {} x {} a step, {}{}; {} rounds of {} steps\n", report.command, report.model,
        report.rates.batch, report.input_shape[0], report.input_shape[1],
        report.precision.empty() ? "" : report.precision + ", ", report.device, report.rates.seconds.size(),
        report.rates.steps);
  print_rates(report.rates);
  if (report.memory) print_memory(*report.memory);
  if (report.profiled_steps > 0) print_profile(report);
}

}  // namespace netwright
