#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/text.h"
#include "export/block_picture.h"
#include "export/chips.h"
#include "export/drawing.h"

namespace netwright {
namespace {

using Anchor = TextStyle::Anchor;

constexpr double kMargin = 20.0;
constexpr double kHeadings = 92.0;  // the line of the columns' headings
constexpr double kFirstRow = 104.0;
constexpr double kRow = 30.0;
constexpr double kRowText = 19.0;  // from a row's top to its text's line
constexpr double kColumnGap = 22.0;
constexpr double kLane = 11.0;  // between two lines from block to block
constexpr double kChipGap = 5.0;
constexpr double kBar = 110.0;
constexpr double kBarHeight = 10.0;
constexpr double kPanelGap = 34.0;
constexpr double kPanelTitle = 26.0;
constexpr TextStyle kHeading = {.ink = Ink::kMuted};
constexpr TextStyle kTitle = {.size = 18.0, .bold = true};

struct Chip {
  std::string text;
  Ink ink;
  std::string tip;
};

struct Row {
  const BlockUnits* block;
  std::string channels;
  std::vector<Chip> chips;
};

// A line on the left from a row to one that isn't the next.
struct Jump {
  size_t from;
  size_t to;
  size_t lane;
};

std::string resolution_of(const Shape& shape) {
  return shape.size() == 3 ? fmt::format("{}×{}", shape[0], shape[1]) : "vector";
}

std::string percent(int64_t part, int64_t whole) {
  return whole == 0 ? "" : fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

class NetworkPicture {
 public:
  explicit NetworkPicture(const Graph& graph)
      : graph_(graph), units_(units_of(graph)), blocks_(blocks_of(graph, units_)), total_(count(graph)) {
    for (size_t i = 0; i < blocks_.size(); ++i) rows_.push_back(make_row(i));
    find_jumps();
    place_columns();
  }

  std::string draw() {
    draw_title();
    draw_headings();
    draw_resolutions();
    for (size_t i = 0; i < rows_.size(); ++i) draw_row(i);
    draw_links();
    draw_total();
    double bottom = draw_legend(row_top(rows_.size()) + 2.0 * kRow);
    bottom = draw_panels(bottom);
    return svg_.finish(width_, bottom + kMargin, graph_.name());
  }

 private:
  double row_top(size_t row) const { return kFirstRow + static_cast<double>(row) * kRow; }
  double row_middle(size_t row) const { return row_top(row) + kRow / 2.0; }

  Row make_row(size_t number) {
    const BlockUnits& block = blocks_[number];
    Row row{.block = &block};
    const int64_t in = block.input.back();
    const int64_t out = block.output.back();
    row.channels = in == out || block.from.empty() ? fmt::format("{}", out) : fmt::format("{} → {}", in, out);
    row.chips = block.chain ? chips_in_line(block) : chips_of_structure(number);
    return row;
  }

  std::vector<Chip> chips_in_line(const BlockUnits& block) const {
    std::vector<Chip> chips;
    for (const int id : block.units) {
      const Unit& unit = units_[static_cast<size_t>(id)];
      chips.push_back({chip_text(unit), ink_of(unit.kind), tip_of(graph_, unit)});
    }
    return chips;
  }

  // The structure's letter, then each kind of operator and how many there are.
  std::vector<Chip> chips_of_structure(size_t number) {
    std::vector<Chip> chips = {{structure_of(number), Ink::kBand, "drawn below"}};
    std::vector<std::pair<const Unit*, int>> kinds;
    for (const int id : blocks_[number].units) {
      const Unit& unit = units_[static_cast<size_t>(id)];
      const auto same = [&](const auto& kind) { return kind.first->label == unit.label; };
      const auto found = std::find_if(kinds.begin(), kinds.end(), same);
      if (found == kinds.end()) {
        kinds.emplace_back(&unit, 1);
      } else {
        ++found->second;
      }
    }
    for (const auto& [unit, times] : kinds) {
      const std::string text = times == 1 ? unit->label : fmt::format("{} · {}", times, unit->label);
      chips.push_back({text, ink_of(unit->kind), {}});
    }
    return chips;
  }

  // "A", "B", ...: equal structures are drawn once.
  std::string structure_of(size_t number) {
    BlockPicture picture(graph_, units_, blocks_, number, BlockDetail::kStructure);
    const auto [found, is_new] = structures_.try_emplace(picture.key(), panels_.size());
    if (is_new) panels_.push_back({std::move(picture), {}});
    Panel& panel = panels_[found->second];
    panel.blocks.push_back(blocks_[number].block.name);
    return panel_name(found->second);
  }

  // A ... Z, A1 ... Z1, A2 ...
  static std::string panel_name(size_t number) {
    const std::string letter(1, static_cast<char>('A' + number % 26));
    return number < 26 ? letter : fmt::format("{}{}", letter, number / 26);
  }

  void find_jumps() {
    std::vector<size_t> lane_ends;  // the row at which a lane is free again
    for (size_t to = 0; to < blocks_.size(); ++to) {
      for (const int block : blocks_[to].from) {
        const auto from = static_cast<size_t>(block);
        if (from + 1 == to) continue;
        size_t lane = 0;
        while (lane < lane_ends.size() && lane_is_taken(lane, from, to)) ++lane;
        lane_ends.resize(std::max(lane_ends.size(), lane + 1));
        jumps_.push_back({from, to, lane});
      }
    }
    lanes_ = lane_ends.size();
  }

  bool lane_is_taken(size_t lane, size_t from, size_t to) const {
    return std::any_of(jumps_.begin(), jumps_.end(),
                       [&](const Jump& jump) { return jump.lane == lane && jump.from < to && from < jump.to; });
  }

  void place_columns() {
    const auto widest = [&](auto width) {
      double most = 0.0;
      for (const Row& row : rows_) most = std::max(most, width(row));
      return most;
    };
    names_x_ = kMargin + 92.0 + (lanes_ == 0 ? 0.0 : kLane * static_cast<double>(lanes_) + 8.0);
    names_width_ = std::max(60.0, widest([](const Row& row) { return chip_width(row.block->block.name); }));
    channels_x_ = names_x_ + names_width_ + kColumnGap;
    chips_x_ =
        channels_x_ + std::max(54.0, widest([](const Row& row) { return text_width(row.channels); })) + kColumnGap;
    parameters_x_ = chips_x_ + widest([](const Row& row) { return chips_width(row); }) + kColumnGap;
    multiply_adds_x_ = parameters_x_ + kBar + 118.0 + kColumnGap;
    width_ = multiply_adds_x_ + kBar + 118.0 + kMargin;
  }

  static double chips_width(const Row& row) {
    double width = 0.0;
    for (const Chip& chip : row.chips) width += chip_width(chip.text) + kChipGap;
    return width;
  }

  void draw_title() {
    const InputSpec& input = graph_.input_spec();
    svg_.text({kMargin, 34.0}, graph_.name(), kTitle);
    svg_.text({kMargin, 56.0},
              fmt::format("{}×{} pixels in, {} classes out, {} parameters, {} multiply-adds an image", input.height,
                          input.width, with_commas(graph_.classes()), with_commas(total_.parameters),
                          with_commas(total_.multiply_adds)),
              {.ink = Ink::kMuted});
  }

  void draw_headings() {
    svg_.text({kMargin, kHeadings}, "resolution", kHeading);
    svg_.text({names_x_, kHeadings}, "block", kHeading);
    svg_.text({channels_x_, kHeadings}, "channels", kHeading);
    svg_.text({chips_x_, kHeadings}, "operators", kHeading);
    svg_.text({parameters_x_, kHeadings}, "parameters", kHeading);
    svg_.text({multiply_adds_x_, kHeadings}, "multiply-adds", kHeading);
  }

  // A band for each run of rows that give values of one resolution.
  void draw_resolutions() {
    bool shaded = true;
    for (size_t begin = 0, end = 0; begin < rows_.size(); begin = end, shaded = !shaded) {
      const std::string resolution = resolution_of(rows_[begin].block->output);
      while (end < rows_.size() && resolution_of(rows_[end].block->output) == resolution) ++end;
      const double top = row_top(begin);
      if (shaded)
        svg_.rectangle({kMargin - 8.0, top}, width_ - 2.0 * kMargin + 16.0, row_top(end) - top, Ink::kBand, 6.0);
      svg_.text({kMargin, top + kRowText}, resolution, {.bold = true});
    }
  }

  void draw_row(size_t number) {
    const Row& row = rows_[number];
    const double top = row_top(number);
    svg_.rectangle({names_x_, top + 6.0}, names_width_, kChipHeight, Ink::kJoin, 4.0,
                   fmt::format("{}: {} in, {} out", row.block->block.name, shape_text(row.block->input),
                               shape_text(row.block->output)));
    svg_.text({names_x_ + kChipPadding, top + kRowText}, row.block->block.name);
    svg_.text({channels_x_, top + kRowText}, row.channels);
    double x = chips_x_;
    for (const Chip& chip : row.chips) {
      const double width = chip_width(chip.text);
      draw_chip(svg_, {x, top + 6.0}, width, chip.text, chip.ink, chip.tip);
      x += width + kChipGap;
    }
    const auto most = [&](int64_t Cost::*what) {
      int64_t value = 0;
      for (const BlockUnits& block : blocks_) value = std::max(value, block.cost.*what);
      return value;
    };
    draw_bar(parameters_x_, top, row.block->cost.parameters, most(&Cost::parameters), total_.parameters,
             Ink::kParameters);
    draw_bar(multiply_adds_x_, top, row.block->cost.multiply_adds, most(&Cost::multiply_adds), total_.multiply_adds,
             Ink::kMultiplyAdds);
  }

  void draw_bar(double x, double top, int64_t value, int64_t most, int64_t total, Ink ink) {
    if (value == 0) return;
    const double width = std::max(1.0, kBar * static_cast<double>(value) / static_cast<double>(most));
    svg_.rectangle({x, top + (kRow - kBarHeight) / 2.0}, width, kBarHeight, ink, 2.0,
                   fmt::format("{} of {}", with_commas(value), with_commas(total)));
    svg_.text({x + kBar + 52.0, top + kRowText}, short_count(value), {.anchor = Anchor::kEnd});
    svg_.text({x + kBar + 112.0, top + kRowText}, percent(value, total), {.ink = Ink::kMuted, .anchor = Anchor::kEnd});
  }

  void draw_links() {
    const double x = names_x_ + 14.0;
    for (size_t to = 1; to < blocks_.size(); ++to) {
      for (const int from : blocks_[to].from) {
        if (static_cast<size_t>(from) + 1 != to) continue;
        const double begin = row_top(to) - 6.0;
        const double end = row_top(to) + 6.0;
        svg_.arrow(std::vector<Point>{{x, begin}, {x, begin + 4.0}, {x, end - 4.0}, {x, end}});
      }
    }
    for (const Jump& jump : jumps_) {
      const double lane = names_x_ - 12.0 - kLane * static_cast<double>(jump.lane);
      const double begin = row_middle(jump.from) + 3.0;
      const double end = row_middle(jump.to) - 3.0;
      svg_.arrow(std::vector<Point>{{names_x_, begin},
                                    {lane, begin},
                                    {lane, begin},
                                    {lane, begin + 9.0},
                                    {lane, begin + 9.0},
                                    {lane, end - 9.0},
                                    {lane, end - 9.0},
                                    {lane, end},
                                    {lane, end},
                                    {names_x_, end}});
    }
  }

  void draw_total() {
    const double top = row_top(rows_.size()) + 4.0;
    svg_.line({kMargin, top}, {width_ - kMargin, top});
    svg_.text({names_x_ + kChipPadding, top + kRowText}, "all", {.bold = true});
    const auto number = [&](double x, int64_t value) {
      svg_.text({x + kBar + 52.0, top + kRowText}, short_count(value), {.bold = true, .anchor = Anchor::kEnd});
    };
    number(parameters_x_, total_.parameters);
    number(multiply_adds_x_, total_.multiply_adds);
  }

  // The kinds of operators that occur and how to read their texts. Returns where it ends.
  double draw_legend(double top) {
    struct Entry {
      UnitKind kind;
      std::string_view text;
    };
    constexpr Entry kEntries[] = {
        {UnitKind::kConvolution, "convolution"},
        {UnitKind::kDepthwise, "dw: depthwise convolution"},
        {UnitKind::kGate, "SE: squeeze-and-excite, width inside"},
        {UnitKind::kPool, "pooling"},
        {UnitKind::kDense, "dense"},
        {UnitKind::kJoin, "addition, concatenation"},
    };
    double x = kMargin;
    for (const Entry& entry : kEntries) {
      const bool occurs =
          std::any_of(units_.begin(), units_.end(), [&](const Unit& unit) { return unit.kind == entry.kind; });
      if (!occurs) continue;
      const double width = chip_width(entry.text);
      if (x + width > width_ - kMargin) {
        x = kMargin;
        top += kChipHeight + kChipGap;
      }
      draw_chip(svg_, {x, top}, width, entry.text, ink_of(entry.kind));
      x += width + kChipGap;
    }
    top += kChipHeight + 16.0;
    svg_.text({kMargin, top},
              "3×3 kernel, /2 stride, ×6 as many channels as it reads, swish activation, → 96 channels out",
              {.ink = Ink::kMuted});
    return top + 6.0;
  }

  double draw_panels(double top) {
    double x = kMargin;
    double lowest = top;
    for (size_t i = 0; i < panels_.size(); ++i) {
      Panel& panel = panels_[i];
      panel.picture.lay_out();
      const std::string title = panel_title(i);
      const double width = std::max(panel.picture.width(), text_width(title));
      if (x > kMargin && x + width > width_ - kMargin) {
        x = kMargin;
        top = lowest;
      }
      svg_.text({x, top + kPanelGap}, title, {.bold = true});
      panel.picture.draw(svg_, {x, top + kPanelGap + kPanelTitle - 10.0});
      lowest = std::max(lowest, top + kPanelGap + kPanelTitle + panel.picture.height());
      width_ = std::max(width_, x + width + kMargin);
      x += width + kPanelGap;
    }
    return lowest;
  }

  // "A: cell_0 and 5 more".
  std::string panel_title(size_t number) const {
    const std::vector<std::string>& blocks = panels_[number].blocks;
    std::string title = fmt::format("{}: {}", panel_name(number), blocks[0]);
    if (blocks.size() == 2) title += ", " + blocks[1];
    if (blocks.size() > 2) title += fmt::format(" and {} more", blocks.size() - 1);
    return title;
  }

  struct Panel {
    BlockPicture picture;
    std::vector<std::string> blocks;
  };

  const Graph& graph_;
  std::vector<Unit> units_;
  std::vector<BlockUnits> blocks_;
  Cost total_;
  std::map<std::string, size_t> structures_;  // BlockPicture::key to panel
  std::vector<Panel> panels_;
  std::vector<Row> rows_;
  std::vector<Jump> jumps_;
  size_t lanes_ = 0;
  double names_x_ = 0.0;
  double names_width_ = 0.0;
  double channels_x_ = 0.0;
  double chips_x_ = 0.0;
  double parameters_x_ = 0.0;
  double multiply_adds_x_ = 0.0;
  double width_ = 0.0;
  Svg svg_;
};

}  // namespace

std::string draw_network(const Graph& graph) { return NetworkPicture(graph).draw(); }

}  // namespace netwright
