// Labels of one set in terms of another's.
#include "data/match_classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/testing.h"

namespace netwright {
namespace {

using test::error_of;

// Image i has label i, less the base.
class NamedSource : public ImageSource {
 public:
  NamedSource(std::vector<std::string> names, int64_t size) : names_(std::move(names)), size_(size) {}
  int64_t size() const override { return size_; }
  void read(int64_t index, Sample& sample) const override { sample.label = index; }
  std::string describe(int64_t index) const override { return fmt::format("image {}", index); }
  std::vector<std::string> class_names() const override { return names_; }

 private:
  std::vector<std::string> names_;
  int64_t size_;
};

std::shared_ptr<const ImageSource> named(std::vector<std::string> names, int64_t size) {
  return std::make_shared<NamedSource>(std::move(names), size);
}

std::vector<int64_t> labels_of(const ImageSource& source) {
  std::vector<int64_t> labels;
  Sample sample;
  for (int64_t i = 0; i < source.size(); ++i) {
    source.read(i, sample);
    labels.push_back(sample.label);
  }
  return labels;
}

const KnownClasses kZoo{.names = {"cat", "dog", "owl"}, .count = 3};

TEST(MatchClasses, LabelsAreThoseOfTheSameNames) {
  const auto matched = match_classes(named({"owl", "dog"}, 2), kZoo, "zoo");
  EXPECT_THAT(labels_of(*matched), testing::ElementsAre(2, 1));
  EXPECT_EQ(matched->class_names(), kZoo.names);
}

TEST(MatchClasses, WithoutNamesLabelsStay) {
  for (const auto& source : {named({"cat", "dog", "owl"}, 3), named({}, 3)}) {
    EXPECT_EQ(match_classes(source, kZoo, "zoo"), source);
  }
  const auto source = named({"owl", "dog"}, 2);
  EXPECT_EQ(match_classes(source, {.count = 3}, "zoo"), source);
}

// Networks of 1001 classes: 0 is the background, which no list of names has.
TEST(MatchClasses, TheBackgroundStaysTheFirst) {
  const KnownClasses known{.names = {"cat", "dog", "owl"}, .count = 4, .first_label = 1};
  EXPECT_THAT(labels_of(*match_classes(named({"owl", "cat"}, 3), known, "zoo")), testing::ElementsAre(0, 3, 1));
}

TEST(MatchClasses, RefusesWhatTheModelDoesNotHave) {
  EXPECT_EQ(error_of([] {
              match_classes(named({"cat", "cow"}, 2), kZoo, "zoo");
            }),
            "zoo: class cow is not among the 3 classes of the model");
  EXPECT_EQ(error_of([] {
              match_classes(named({"a", "b", "c"}, 2), {.count = 2}, "zoo");
            }),
            "zoo has 3 classes, the model 2");
  const auto matched = match_classes(named({"owl", "dog"}, 3), kZoo, "zoo");
  EXPECT_EQ(error_of([&] { labels_of(*matched); }),
            "image 2: label 2 is out of range; expected 0..1 for 2 class names");
}

}  // namespace
}  // namespace netwright
