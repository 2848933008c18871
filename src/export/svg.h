// Writes SVG pictures: rectangles, texts and lines in named colours that fit a light and a dark page.
//
// Every text is in a fixed-width font, so that its width is known without fonts: text_width().
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace netwright {

// A colour by what it is for. The picture is drawn on its own background, light, or dark where the reader prefers that.
enum class Ink {
  kBackground,
  kBand,
  kText,
  kMuted,
  kLine,
  kConvolution,
  kDepthwise,
  kDense,
  kPool,
  kGate,
  kJoin,
  kOther,
  kParameters,
  kMultiplyAdds,
};

struct Point {
  double x = 0.0;
  double y = 0.0;
};

struct TextStyle {
  double size = 11.0;  // pixels
  Ink ink = Ink::kText;
  bool bold = false;
  enum class Anchor { kStart, kMiddle, kEnd } anchor = Anchor::kStart;
};

// Pixels that a text takes; each character has the same width.
double text_width(std::string_view utf8, double size = TextStyle{}.size);

class Svg {
 public:
  // `tip`: what a browser shows while the pointer rests there; none if empty.
  void rectangle(Point corner, double width, double height, Ink ink, double radius = 0.0, std::string_view tip = {});
  // The point is the left, middle or right end of the line that the text stands on.
  void text(Point at, std::string_view text, const TextStyle& style = {});
  // A curve of Bezier pieces (1 + 3 n points), with an arrow's head at the last.
  void arrow(std::span<const Point> curve);
  void line(Point from, Point to);

  // The whole picture, `width` x `height` pixels.
  std::string finish(double width, double height, std::string_view title) const;

 private:
  std::string body_;
};

}  // namespace netwright
