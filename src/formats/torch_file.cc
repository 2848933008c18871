#include "formats/torch_file.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include <zip.h>

#include "core/error.h"
#include "formats/file_io.h"
#include "formats/float_types.h"
#include "formats/pickle.h"

namespace netwright {
namespace {

constexpr std::string_view kZipBegin = "PK\x03\x04";
// The older form begins with the number 0x1950a86a20f9469cfc6c, pickled.
constexpr std::string_view kStreamBegin("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
constexpr int64_t kStreamVersion = 1001;

struct StorageType {
  std::string_view name;  // as PyTorch calls the class
  std::string_view dtype;
  uint64_t size;  // bytes an element
  std::optional<FloatType> floats;
};
constexpr std::array<StorageType, 10> kStorageTypes = {{
    {"FloatStorage", "F32", 4, FloatType::kFloat32},
    {"DoubleStorage", "F64", 8, FloatType::kFloat64},
    {"HalfStorage", "F16", 2, FloatType::kFloat16},
    {"BFloat16Storage", "BF16", 2, FloatType::kBfloat16},
    {"LongStorage", "I64", 8, std::nullopt},
    {"IntStorage", "I32", 4, std::nullopt},
    {"ShortStorage", "I16", 2, std::nullopt},
    {"CharStorage", "I8", 1, std::nullopt},
    {"ByteStorage", "U8", 1, std::nullopt},
    {"BoolStorage", "BOOL", 1, std::nullopt},
}};

const StorageType& type_of(const PickleStorage& storage, const std::string& path) {
  for (const StorageType& type : kStorageTypes) {
    if (type.name == storage.type) return type;
  }
  fail("{}: storage {:?} is a {}, which is not read", path, storage.key, storage.type);
}

uint64_t bytes_of(const PickleStorage& storage, const std::string& path) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(storage.count), type_of(storage, path).size, &bytes)) {
    fail("{}: storage {:?} claims {} elements", path, storage.key, storage.count);
  }
  return bytes;
}

// Elements of the view. Throws Error when one lies outside its storage.
int64_t check_view(const std::string& path, const std::string& name, const PickleTensor& tensor) {
  const auto refuse = [&] {
    fail("{}: tensor {}: offset, shape or strides reach beyond its storage of {} elements", path, name,
         tensor.storage.count);
  };
  int64_t count = 1;
  int64_t last = tensor.offset;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    if (__builtin_mul_overflow(count, tensor.shape[i], &count)) refuse();
    int64_t reach = 0;
    if (__builtin_mul_overflow(std::max<int64_t>(tensor.shape[i], 1) - 1, tensor.strides[i], &reach)) refuse();
    if (__builtin_add_overflow(last, reach, &last)) refuse();
  }
  // The first rules out views that show one element many times.
  if (count > tensor.storage.count || (count > 0 && last >= tensor.storage.count)) refuse();
  return count;
}

// Where each element of the view lies in its storage, row-major.
std::vector<size_t> element_positions(const PickleTensor& tensor, size_t count) {
  std::vector<size_t> positions;
  positions.reserve(count);
  std::vector<int64_t> index(tensor.shape.size(), 0);
  auto at = tensor.offset;
  while (positions.size() < count) {
    positions.push_back(static_cast<size_t>(at));
    for (size_t axis = index.size(); axis > 0; --axis) {
      const size_t i = axis - 1;
      if (tensor.shape[i] == 1) continue;  // whose stride may be anything
      at += tensor.strides[i];
      if (++index[i] < tensor.shape[i]) break;
      at -= tensor.strides[i] * tensor.shape[i];
      index[i] = 0;
    }
  }
  return positions;
}

bool is_dense(const PickleTensor& tensor) {
  int64_t stride = 1;
  for (size_t i = tensor.shape.size(); i > 0; --i) {
    if (tensor.shape[i - 1] != 1 && tensor.strides[i - 1] != stride) return false;
    stride *= tensor.shape[i - 1];
  }
  return true;
}

// Visits every tensor that the containers hold with the keys that lead there.
class TensorWalk {
 public:
  // Every value of a pickle takes a byte at least; containers that hold each other again and again unfold to more.
  TensorWalk(const std::string& path, const Pickle& pickle) : path_(path), most_values_(pickle.size()) {}

  template <typename Visit>
  void walk(const PickleValue& value, const std::string& name, int depth, Visit visit) {
    constexpr int kDeepest = 64;
    constexpr size_t kLongestName = 512;
    if (depth > kDeepest) fail("{}: containers are nested more than {} deep", path_, kDeepest);
    if (++visited_ > most_values_) fail("{}: containers that hold others again and again", path_);
    if (name.size() > kLongestName) fail("{}: a tensor's name has more than {} bytes", path_, kLongestName);
    const auto inside = [&](const std::string& key) { return name.empty() ? key : name + "." + key; };
    if (const auto* tensor = std::get_if<PickleTensor>(&value.data)) {
      visit(name, *tensor);
    } else if (const auto* dict = std::get_if<PickleDict>(&value.data)) {
      for (const auto& [key, item] : dict->items) {
        const auto* text = std::get_if<std::string>(&key->data);
        const auto* number = std::get_if<int64_t>(&key->data);
        if (text != nullptr || number != nullptr) {
          walk(*item, inside(text != nullptr ? *text : std::to_string(*number)), depth + 1, visit);
        }
      }
    } else if (const auto* sequence = std::get_if<PickleSequence>(&value.data)) {
      for (size_t i = 0; i < sequence->items.size(); ++i) {
        walk(*sequence->items[i], inside(std::to_string(i)), depth + 1, visit);
      }
    }
  }

 private:
  const std::string& path_;
  size_t most_values_;
  size_t visited_ = 0;
};

}  // namespace

// The storages of a file, whatever its form.
class TorchReader::Storages {
 public:
  virtual ~Storages() = default;
  // Throws Error when the file doesn't hold the storage whole.
  virtual void check(const PickleStorage& storage) const = 0;
  virtual std::string read(const PickleStorage& storage) = 0;
};

class TorchReader::ZipStorages : public TorchReader::Storages {
 public:
  explicit ZipStorages(const std::string& path) : path_(path) {
    int code = 0;
    zip_ = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
    if (zip_ == nullptr) {
      zip_error_t error;
      zip_error_init_with_code(&error, code);
      const std::string reason = zip_error_strerror(&error);
      zip_error_fini(&error);
      fail("{}: is a damaged zip: {}", path, reason);
    }
    try {
      list_members();
    } catch (...) {
      zip_discard(zip_);
      throw;
    }
  }
  ~ZipStorages() override { zip_discard(zip_); }
  ZipStorages(const ZipStorages&) = delete;
  ZipStorages& operator=(const ZipStorages&) = delete;

  std::string pickle() const { return read_member(*root_ + "data.pkl"); }

  void check(const PickleStorage& storage) const override {
    const uint64_t wanted = bytes_of(storage, path_);
    const Member& member = find(name_of(storage));
    if (member.size != wanted) {
      fail("{}: storage {:?} has {} bytes, expected {} for {} elements", path_, storage.key, member.size, wanted,
           storage.count);
    }
  }
  std::string read(const PickleStorage& storage) override { return read_member(name_of(storage)); }

 private:
  struct Member {
    zip_uint64_t index;
    uint64_t size;
  };

  void list_members() {
    const zip_int64_t count = zip_get_num_entries(zip_, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
      zip_stat_t stat;
      const auto index = static_cast<zip_uint64_t>(i);
      if (zip_stat_index(zip_, index, 0, &stat) != 0) fail("{}: is a damaged zip: {}", path_, zip_strerror(zip_));
      const std::string name = stat.name;
      if (stat.comp_method != ZIP_CM_STORE || stat.comp_size != stat.size) {
        fail("{}: member {:?} is compressed; PyTorch stores its members as they are", path_, name);
      }
      if (!members_.emplace(name, Member{index, stat.size}).second) fail("{}: two members are {:?}", path_, name);
      if (name == "data.pkl" || name.ends_with("/data.pkl")) {
        if (root_) fail("{}: two members are called data.pkl", path_);
        root_ = name.substr(0, name.size() - std::string_view("data.pkl").size());
      }
    }
    if (!root_) fail("{}: is a zip without data.pkl, so not PyTorch's", path_);
    if (members_.contains(*root_ + "byteorder") && read_member(*root_ + "byteorder") != "little") {
      fail("{}: its bytes are not little-endian", path_);
    }
  }

  const Member& find(const std::string& name) const {
    const auto found = members_.find(name);
    if (found == members_.end()) fail("{}: the zip has no member {:?}", path_, name);
    return found->second;
  }
  std::string name_of(const PickleStorage& storage) const { return *root_ + "data/" + storage.key; }

  // libzip compares the CRC at the end.
  std::string read_member(const std::string& name) const {
    const Member& member = find(name);
    zip_file_t* file = zip_fopen_index(zip_, member.index, 0);
    if (file == nullptr) fail("{}: member {:?}: {}", path_, name, zip_strerror(zip_));
    std::string bytes(member.size, '\0');
    char beyond = 0;
    const zip_int64_t got = zip_fread(file, bytes.data(), bytes.size());
    const zip_int64_t after = zip_fread(file, &beyond, 1);
    const std::string reason = zip_error_strerror(zip_file_get_error(file));
    zip_fclose(file);
    if (got < 0 || after < 0) fail("{}: member {:?}: {}", path_, name, reason);
    if (static_cast<uint64_t>(got) != member.size || after != 0) {
      fail("{}: member {:?} doesn't have the {} bytes that the zip claims", path_, name, member.size);
    }
    return bytes;
  }

  std::string path_;
  zip_t* zip_ = nullptr;
  std::map<std::string, Member> members_;
  std::optional<std::string> root_;  // of the members' names, with its slash
};

// The form before 1.6: pickles (magic number, version, system, object, keys), then the storages.
class TorchReader::StreamStorages : public TorchReader::Storages {
 public:
  explicit StreamStorages(const std::string& path) : file_(path) {
    bytes_.resize(file_.size());
    file_.read_at(0, bytes_.data(), bytes_.size());
  }

  // The object; afterwards its storages are known.
  std::unique_ptr<Pickle> open() {
    size_t at = kStreamBegin.size();
    const auto next = [&] {
      auto pickle = std::make_unique<Pickle>(std::string_view(bytes_).substr(at), file_.path());
      at += pickle->size();
      return pickle;
    };
    const auto version = next();
    const auto* number = std::get_if<int64_t>(&version->root().data);
    if (number == nullptr || *number != kStreamVersion)
      fail("{}: another version than {}", file_.path(), kStreamVersion);
    next();  // sizes of types and byte order: all machines of the last decades agree
    auto object = next();
    const auto keys = next();
    for (const PickleStorage* storage : object->storages()) wanted_.emplace(storage->key, *storage);
    find_storages(keys->root(), at);
    return object;
  }

  void check(const PickleStorage& storage) const override { range(storage); }
  std::string read(const PickleStorage& storage) override {
    return bytes_.substr(range(storage), bytes_of(storage, file_.path()));
  }

 private:
  void find_storages(const PickleValue& keys, size_t at) {
    const auto* list = std::get_if<PickleSequence>(&keys.data);
    if (list == nullptr) fail("{}: it has no list of storages", file_.path());
    for (const PickleRef item : list->items) {
      const auto* key = std::get_if<std::string>(&item->data);
      const auto wanted = key == nullptr ? wanted_.end() : wanted_.find(*key);
      // Nobody knows how long it is.
      if (wanted == wanted_.end()) fail("{}: a storage that the object doesn't use", file_.path());
      const uint64_t bytes = bytes_of(wanted->second, file_.path());
      const uint64_t left = bytes_.size() - at;
      if (left < sizeof(int64_t) || left - sizeof(int64_t) < bytes) {
        fail("{}: cut short: storage {:?} of {} bytes does not fit into the rest of the file", file_.path(), *key,
             bytes);
      }
      const auto count = load_little<int64_t>(bytes_.data() + at);
      if (count != wanted->second.count) {
        fail("{}: storage {:?} has {} elements, expected {}", file_.path(), *key, count, wanted->second.count);
      }
      offsets_[*key] = at + sizeof(int64_t);
      at += sizeof(int64_t) + bytes;
    }
  }

  size_t range(const PickleStorage& storage) const {
    const auto found = offsets_.find(storage.key);
    if (found == offsets_.end()) fail("{}: storage {:?} is missing", file_.path(), storage.key);
    const PickleStorage& known = wanted_.at(storage.key);
    if (storage.type != known.type || storage.count != known.count) {
      fail("{}: storage {:?} is claimed with two sizes", file_.path(), storage.key);
    }
    return found->second;
  }

  ReadOnlyFile file_;
  std::string bytes_;
  std::map<std::string, PickleStorage> wanted_;
  std::map<std::string, size_t> offsets_;
};

TorchReader::TorchReader(const std::string& path) : path_(path) {
  std::string begin;
  {
    const ReadOnlyFile file(path);
    begin.resize(kStreamBegin.size());
    begin.resize(file.read_some(0, begin.data(), begin.size()));
  }
  const auto collect = [&](const Pickle& pickle) {
    TensorWalk(path_, pickle).walk(pickle.root(), "", 0, [&](const std::string& name, const PickleTensor& tensor) {
      add(name, tensor);
    });
  };
  if (begin.starts_with(kZipBegin)) {
    auto zip = std::make_unique<ZipStorages>(path);
    const std::string bytes = zip->pickle();
    storages_ = std::move(zip);
    collect(Pickle(bytes, path));
  } else if (begin == kStreamBegin) {
    auto stream = std::make_unique<StreamStorages>(path);
    const std::unique_ptr<Pickle> object = stream->open();
    storages_ = std::move(stream);
    collect(*object);
  } else {
    fail("{}: is not a file of PyTorch: neither a zip nor the form before 1.6", path);
  }
}

TorchReader::~TorchReader() = default;
TorchReader::TorchReader(TorchReader&&) noexcept = default;
TorchReader& TorchReader::operator=(TorchReader&&) noexcept = default;

void TorchReader::add(std::string name, const PickleTensor& tensor) {
  const StorageType& type = type_of(tensor.storage, path_);
  check_view(path_, name, tensor);
  storages_->check(tensor.storage);
  if (!by_name_.emplace(name, tensors_.size()).second) fail("{}: there are two tensors named {}", path_, name);
  tensors_.push_back({std::move(name), std::string(type.dtype), tensor.shape});
  views_.push_back(tensor);
}

const TorchTensor* TorchReader::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

void TorchReader::read_floats(std::string_view name, std::span<float> values) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) fail("{}: has no tensor {}", path_, name);
  const PickleTensor& view = views_[found->second];
  const StorageType& type = type_of(view.storage, path_);
  if (!type.floats) fail("{}: tensor {}: is {}, expected floating point", path_, name, type.dtype);
  const std::string bytes = storages_->read(view.storage);
  if (is_dense(view)) {
    convert_floats<float>(*type.floats, bytes.data() + static_cast<uint64_t>(view.offset) * type.size, values);
    return;
  }
  const std::vector<size_t> positions = element_positions(view, values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    convert_floats<float>(*type.floats, bytes.data() + positions[i] * type.size, values.subspan(i, 1));
  }
}

}  // namespace netwright
