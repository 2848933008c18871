#include "data/match_classes.h"

#include <algorithm>

#include "core/error.h"
#include "formats/json_text.h"

namespace netwright {
namespace {

class RelabelledSource : public ImageSource {
 public:
  RelabelledSource(std::shared_ptr<const ImageSource> source, std::vector<int64_t> labels, const KnownClasses& known)
      : source_(std::move(source)), labels_(std::move(labels)), known_(known) {}

  int64_t size() const override { return source_->size(); }
  std::string describe(int64_t index) const override { return source_->describe(index); }
  int64_t label_base() const override { return source_->label_base(); }
  std::vector<std::string> class_names() const override { return known_.names; }

  void read(int64_t index, Sample& sample) const override {
    source_->read(index, sample);
    if (sample.label >= 0 && sample.label < known_.first_label) return;  // the background
    const int64_t position = sample.label - known_.first_label;
    if (position < 0 || position >= static_cast<int64_t>(labels_.size())) {
      const int64_t first = label_base() + known_.first_label;
      fail("{}: label {} is out of range; expected {}..{} for {} class names", describe(index),
           sample.label + label_base(), first, first + static_cast<int64_t>(labels_.size()) - 1, labels_.size());
    }
    sample.label = labels_[static_cast<size_t>(position)];
  }

 private:
  std::shared_ptr<const ImageSource> source_;
  std::vector<int64_t> labels_;  // ours, by the position of the class in the source's list
  KnownClasses known_;
};

}  // namespace

std::shared_ptr<const ImageSource> match_classes(std::shared_ptr<const ImageSource> source, const KnownClasses& known,
                                                 const std::string& data) {
  const std::vector<std::string> names = source->class_names();
  if (known.names.empty() && static_cast<int64_t>(names.size()) > known.count) {
    fail("{} has {} classes, the model {}", data, names.size(), known.count);
  }
  if (known.names.empty() || names.empty() || names == known.names) return source;
  // Known from a run.json, perhaps.
  const auto same = [](const std::string& a, const std::string& b) { return a == b || kept_by_json(a) == b; };
  std::vector<int64_t> labels;
  for (const std::string& name : names) {
    const auto found = std::ranges::find_if(known.names, [&](const std::string& other) { return same(name, other); });
    if (found == known.names.end()) {
      fail("{}: class {} is not among the {} classes of the model", data, name, known.names.size());
    }
    labels.push_back(found - known.names.begin() + known.first_label);
  }
  return std::make_shared<RelabelledSource>(std::move(source), std::move(labels), known);
}

}  // namespace netwright
