// Python pickles of tensors and plain containers, as PyTorch writes them. Nothing is ever executed: a pickle that asks
// for any other class or function is refused by name. Source: shared spec formats.md, section 8.2; Python's
// pickletools.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace netwright {

struct PickleValue;
// Values belong to their Pickle. Containers may hold one value several times, and even themselves.
using PickleRef = PickleValue*;

struct PickleNone {};
struct PickleSequence {  // a list, tuple or set
  std::vector<PickleRef> items;
};
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;
};
// A class or function by its name, "collections.OrderedDict".
struct PickleGlobal {
  std::string name;
};
// Where a tensor's elements lie: a storage of PyTorch, known by its key in the file.
struct PickleStorage {
  std::string type;  // "FloatStorage"
  std::string key;
  int64_t count = 0;  // elements
};
// A view of a storage: element offset, and extents and strides in elements, neither below 0.
struct PickleTensor {
  PickleStorage storage;
  int64_t offset = 0;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

struct PickleValue {
  std::variant<PickleNone, bool, int64_t, double, std::string, PickleSequence, PickleDict, PickleGlobal, PickleStorage,
               PickleTensor>
      data;
};

class Pickle {
 public:
  // Reads the pickle at the beginning of `bytes`, protocols 2 to 5; what follows its end is left alone. Throws Error of
  // one line that begins with `path` and names the byte: what it does not know, what is cut short, what does not fit.
  Pickle(std::string_view bytes, const std::string& path);

  const PickleValue& root() const { return *root_; }
  // All that it names, wherever they stand.
  std::vector<const PickleStorage*> storages() const;
  // Bytes that the pickle takes.
  size_t size() const { return size_; }

 private:
  friend class Unpickler;
  std::deque<PickleValue> values_;
  PickleRef root_ = nullptr;
  size_t size_ = 0;
};

}  // namespace netwright
