#include "export/svg.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

namespace netwright {
namespace {

constexpr std::string_view kFonts = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace";
// Of a character, in units of the font's size: 0.602 in these fonts, and programs that round to whole pixels take 7
// of 11.
constexpr double kCharacterWidth = 0.64;

struct Colour {
  std::string_view light;
  std::string_view dark;
};
// In the order of Ink.
constexpr std::array<Colour, 14> kColours = {{
    {"#ffffff", "#16191d"},  // background
    {"#f3f5f8", "#1f242a"},  // band
    {"#1b1f24", "#e6e9ee"},  // text
    {"#656d78", "#9aa4b1"},  // muted
    {"#9aa3af", "#6b7684"},  // line
    {"#c9dcf7", "#24456f"},  // convolution
    {"#fbdcb8", "#6d4616"},  // depthwise
    {"#c6d0e8", "#3c4a72"},  // dense
    {"#cdebd2", "#215432"},  // pool
    {"#e4d3f5", "#503172"},  // gate
    {"#e3e6ea", "#3a424c"},  // join
    {"#e3e6ea", "#3a424c"},  // other
    {"#3b7dd8", "#6ea8f5"},  // parameters
    {"#dd7a1e", "#f0a250"},  // multiply-adds
}};

const Colour& colour(Ink ink) { return kColours.at(static_cast<size_t>(ink)); }

// Light as an attribute, which every program reads; the class is for style sheets that know the reader's preference.
std::string paint(std::string_view attribute, Ink ink) {
  return fmt::format("class=\"{}{}\" {}=\"{}\"", attribute.front(), static_cast<int>(ink), attribute,
                     colour(ink).light);
}

std::string style_sheet() {
  std::string rules;
  for (size_t i = 0; i < kColours.size(); ++i) {
    rules += fmt::format(".f{0}{{fill:{1}}}.s{0}{{stroke:{1}}}", i, kColours.at(i).dark);
  }
  return fmt::format("<style>@media (prefers-color-scheme:dark){{{}}}</style>\n", rules);
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

constexpr std::string_view kArrowHead =
    "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
    "orient=\"auto\"><path d=\"M0,0.8L8,4L0,7.2z\" {}/></marker></defs>\n";

}  // namespace

double text_width(std::string_view utf8, double size) {
  // Continuation bytes don't begin a character.
  const auto characters = std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return static_cast<double>(characters) * kCharacterWidth * size;
}

void Svg::rectangle(Point corner, double width, double height, Ink ink, double radius, std::string_view tip) {
  fmt::format_to(std::back_inserter(body_), "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" {}",
                 corner.x, corner.y, width, height, paint("fill", ink));
  if (radius > 0.0) body_ += fmt::format(" rx=\"{:.1f}\"", radius);
  body_ += tip.empty() ? "/>\n" : fmt::format("><title>{}</title></rect>\n", escape(tip));
}

void Svg::text(Point at, std::string_view text, const TextStyle& style) {
  constexpr std::array<std::string_view, 3> kAnchors = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  fmt::format_to(std::back_inserter(body_), "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:g}\" {}{}{}>{}</text>\n",
                 at.x, at.y, style.size, paint("fill", style.ink), kAnchors.at(static_cast<size_t>(style.anchor)),
                 style.bold ? " font-weight=\"bold\"" : "", escape(text));
}

void Svg::arrow(std::span<const Point> curve) {
  body_ += fmt::format("<path d=\"M{:.1f},{:.1f}", curve[0].x, curve[0].y);
  for (size_t i = 1; i < curve.size(); ++i) {
    body_ += fmt::format("{}{:.1f},{:.1f}", i % 3 == 1 ? "C" : " ", curve[i].x, curve[i].y);
  }
  body_ += fmt::format("\" {} fill=\"none\" stroke-width=\"1.2\" marker-end=\"url(#head)\"/>\n",
                       paint("stroke", Ink::kLine));
}

void Svg::line(Point from, Point to) {
  body_ += fmt::format("<path d=\"M{:.1f},{:.1f}L{:.1f},{:.1f}\" {} stroke-width=\"1\"/>\n", from.x, from.y, to.x, to.y,
                       paint("stroke", Ink::kLine));
}

std::string Svg::finish(double width, double height, std::string_view title) const {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "font-family=\"{2}\" role=\"img\">\n<title>{3}</title>\n",
      width, height, kFonts, escape(title));
  out += style_sheet();
  out += fmt::format(kArrowHead, paint("fill", Ink::kLine));
  out += fmt::format("<rect width=\"100%\" height=\"100%\" {}/>\n", paint("fill", Ink::kBackground));
  return out + body_ + "</svg>\n";
}

}  // namespace netwright
