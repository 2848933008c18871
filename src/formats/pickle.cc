#include "formats/pickle.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>

#include "core/error.h"
#include "formats/little_endian.h"

namespace netwright {
namespace {

constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";
constexpr std::string_view kSize = "torch.Size";
constexpr std::string_view kStoragePrefix = "torch.";
constexpr std::string_view kStorageSuffix = "Storage";

bool is_storage(std::string_view name) {
  constexpr size_t kLongest = 64;
  return name.size() <= kLongest && name.starts_with(kStoragePrefix) && name.ends_with(kStorageSuffix) &&
         name.find('.') == name.rfind('.');
}

bool is_known(std::string_view name) {
  return name == kOrderedDict || name == kRebuildTensor || name == kRebuildParameter || name == kSize ||
         is_storage(name);
}

// Of what a file calls something, what a line can show.
std::string shown(std::string_view text) {
  constexpr size_t kMost = 60;
  return fmt::format("{:?}{}", text.substr(0, kMost), text.size() > kMost ? "..." : "");
}

}  // namespace

class Unpickler {
 public:
  Unpickler(std::string_view bytes, const std::string& path, Pickle& pickle)
      : bytes_(bytes), path_(path), pickle_(pickle) {}

  void run() {
    while (pickle_.root_ == nullptr) {
      opcode_at_ = at_;
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      (this->*method_of(opcode))();
    }
    pickle_.size_ = at_;
  }

 private:
  using Method = void (Unpickler::*)();
  struct Opcode {
    unsigned char code;
    Method apply;
  };

  Method method_of(unsigned char code) const;

  template <typename... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: pickle: byte {}: {}", path_, opcode_at_, fmt::format(format, std::forward<Args>(args)...));
  }

  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - at_) refuse("cut short: {} bytes are wanted, {} are left", count, bytes_.size() - at_);
    const std::string_view taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }
  template <typename T>
  T number() {
    return load_little<T>(take(sizeof(T)).data());
  }
  std::string line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) refuse("cut short within a name");
    std::string text(take(end - at_));
    take(1);
    return text;
  }

  template <typename T>
  void push(T data) {
    // A value takes a hundred times the byte that makes one.
    constexpr size_t kMostValues = 4'000'000;
    if (pickle_.values_.size() == kMostValues) refuse("more than {} values", kMostValues);
    stack_.push_back(&pickle_.values_.emplace_back(PickleValue{std::move(data)}));
  }
  PickleRef top() const {
    if (stack_.size() <= floor()) refuse("nothing is on the stack");
    return stack_.back();
  }
  PickleRef pop() {
    PickleRef value = top();
    stack_.pop_back();
    return value;
  }
  // What lies above the last mark is reached only together with it.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) refuse("there is no mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleRef> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }

  template <typename T>
  T& as(PickleRef value, std::string_view what) const {
    T* held = std::get_if<T>(&value->data);
    if (held == nullptr) refuse("expected {}", what);
    return *held;
  }
  int64_t whole(PickleRef value, std::string_view what) const {
    const int64_t held = as<int64_t>(value, what);
    if (held < 0) refuse("{} is {}, expected at least 0", what, held);
    return held;
  }
  // Of every axis.
  std::vector<int64_t> wholes(PickleRef value, std::string_view what) const {
    constexpr size_t kMostAxes = 16;
    const std::vector<PickleRef>& items = as<PickleSequence>(value, what).items;
    // One list may serve any number of tensors, each of which copies it.
    if (items.size() > kMostAxes) refuse("a tensor has {} axes, expected at most {}", items.size(), kMostAxes);
    std::vector<int64_t> numbers;
    for (PickleRef item : items) numbers.push_back(whole(item, what));
    return numbers;
  }

  void protocol() {
    const auto version = static_cast<unsigned char>(take(1)[0]);
    if (version < 2 || version > 5) refuse("protocol {}, expected 2 to 5", version);
  }
  void frame() { number<uint64_t>(); }
  void stop() { pickle_.root_ = pop(); }
  void mark() { marks_.push_back(stack_.size()); }
  void pop_one() { pop(); }
  void pop_mark() { pop_to_mark(); }

  void none() { push(PickleNone{}); }
  void yes() { push(true); }
  void no() { push(false); }
  void int8() { push(int64_t{number<uint8_t>()}); }
  void int16() { push(int64_t{number<uint16_t>()}); }
  void int32() { push(int64_t{number<int32_t>()}); }
  void big_int() { push_long(number<uint8_t>()); }
  void bigger_int() { push_long(number<uint32_t>()); }
  // Two's complement; PyTorch has none above 64 bits but the magic number of its older form.
  void push_long(uint64_t size) {
    const std::string_view digits = take(size);
    if (size > sizeof(int64_t)) return push(std::string(digits));
    const bool negative = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80) != 0;
    uint64_t value = negative ? std::numeric_limits<uint64_t>::max() : 0;
    for (size_t i = digits.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(digits[i - 1]);
    push(static_cast<int64_t>(value));
  }
  void real() {
    std::string bytes(take(sizeof(double)));
    std::reverse(bytes.begin(), bytes.end());
    push(load_little<double>(bytes.data()));
  }
  void short_text() { push(std::string(take(number<uint8_t>()))); }
  void text() { push(std::string(take(number<uint32_t>()))); }
  void long_text() { push(std::string(take(number<uint64_t>()))); }

  void empty_sequence() { push(PickleSequence{}); }
  void empty_dict() { push(PickleDict{}); }
  void tuple() {
    std::vector<PickleRef> items = pop_to_mark();
    push(PickleSequence{std::move(items)});
  }
  void tuple_of(size_t count) {
    std::vector<PickleRef> items(count);
    for (size_t i = count; i > 0; --i) items[i - 1] = pop();
    push(PickleSequence{std::move(items)});
  }
  void tuple1() { tuple_of(1); }
  void tuple2() { tuple_of(2); }
  void tuple3() { tuple_of(3); }
  void append() {
    PickleRef item = pop();
    as<PickleSequence>(top(), "a list").items.push_back(item);
  }
  void append_all() {
    const std::vector<PickleRef> items = pop_to_mark();
    auto& list = as<PickleSequence>(top(), "a list").items;
    list.insert(list.end(), items.begin(), items.end());
  }
  void set_item() {
    PickleRef value = pop();
    PickleRef key = pop();
    as<PickleDict>(top(), "a dict").items.emplace_back(key, value);
  }
  void set_items() {
    const std::vector<PickleRef> items = pop_to_mark();
    if (items.size() % 2 != 0) refuse("a dict is given {} keys and values, expected pairs", items.size());
    auto& dict = as<PickleDict>(top(), "a dict").items;
    for (size_t i = 0; i < items.size(); i += 2) dict.emplace_back(items[i], items[i + 1]);
  }

  void remember(uint64_t index) { memo_[index] = top(); }
  void recall(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) refuse("value {} was never remembered", index);
    stack_.push_back(found->second);
  }
  void put8() { remember(number<uint8_t>()); }
  void put32() { remember(number<uint32_t>()); }
  void memoize() { remember(memo_.size()); }
  void get8() { recall(number<uint8_t>()); }
  void get32() { recall(number<uint32_t>()); }

  void global() {
    const std::string module = line();
    push_global(module + "." + line());
  }
  void stack_global() {
    const std::string name = as<std::string>(pop(), "a name");
    push_global(as<std::string>(pop(), "a module") + "." + name);
  }
  void push_global(std::string name) {
    if (!is_known(name)) {
      refuse("it wants {}; only tensors and plain containers are read, and nothing is executed", shown(name));
    }
    push(PickleGlobal{std::move(name)});
  }

  void reduce() {
    PickleRef arguments = pop();
    const std::string& name = as<PickleGlobal>(pop(), "a class or function").name;
    const std::vector<PickleRef>& items = as<PickleSequence>(arguments, "a tuple of arguments").items;
    if (name == kOrderedDict) {
      if (!items.empty()) refuse("an OrderedDict is made from {} arguments, expected none", items.size());
      push(PickleDict{});
    } else if (name == kRebuildTensor) {
      push(tensor(items));
    } else if (name == kRebuildParameter) {
      if (items.empty()) refuse("a parameter is made from nothing");
      stack_.push_back(items[0]);
    } else if (name == kSize && items.size() == 1) {
      stack_.push_back(items[0]);
    } else {
      refuse("{} can't be made here", shown(name));
    }
  }
  PickleTensor tensor(const std::vector<PickleRef>& items) const {
    if (items.size() < 4) refuse("a tensor is made from {} arguments, expected at least 4", items.size());
    PickleTensor made;
    made.storage = as<PickleStorage>(items[0], "a storage");
    made.offset = whole(items[1], "a tensor's offset");
    made.shape = wholes(items[2], "a tensor's extent");
    made.strides = wholes(items[3], "a tensor's stride");
    if (made.shape.size() != made.strides.size()) {
      refuse("a tensor has {} extents and {} strides", made.shape.size(), made.strides.size());
    }
    return made;
  }
  // The state of an OrderedDict is attributes (PyTorch's _metadata), which nobody here reads.
  void build() {
    pop();
    as<PickleDict>(top(), "a dict to set attributes of");
  }

  // ("storage", class, key, device, elements[, view of another]).
  void persistent() {
    const std::vector<PickleRef> items = as<PickleSequence>(pop(), "a tuple that tells a storage").items;
    if (items.size() < 5 || as<std::string>(items[0], "a kind of reference") != "storage") {
      refuse("a reference to something that is no storage");
    }
    const std::string& type = as<PickleGlobal>(items[1], "a class of storages").name;
    if (!is_storage(type)) refuse("{} is no class of storages", shown(type));
    if (items.size() > 5 && !std::holds_alternative<PickleNone>(items[5]->data)) {
      refuse("a storage that is a view of another: a form that PyTorch has not written since 0.4");
    }
    const std::string& key = as<std::string>(items[2], "a storage's key");
    constexpr size_t kLongestKey = 256;
    if (key.size() > kLongestKey) refuse("a storage's key has {} bytes, expected at most {}", key.size(), kLongestKey);
    push(PickleStorage{type.substr(kStoragePrefix.size()), key, whole(items[4], "a storage's size")});
  }

  std::string_view bytes_;
  const std::string& path_;
  Pickle& pickle_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;
  std::map<uint64_t, PickleRef> memo_;
};

Unpickler::Method Unpickler::method_of(unsigned char code) const {
  static constexpr std::array<Opcode, 46> kOpcodes = {{
      {0x80, &Unpickler::protocol},
      {0x95, &Unpickler::frame},
      {'.', &Unpickler::stop},
      {'(', &Unpickler::mark},
      {'0', &Unpickler::pop_one},
      {'1', &Unpickler::pop_mark},
      {'N', &Unpickler::none},
      {0x88, &Unpickler::yes},
      {0x89, &Unpickler::no},
      {'K', &Unpickler::int8},
      {'M', &Unpickler::int16},
      {'J', &Unpickler::int32},
      {0x8a, &Unpickler::big_int},
      {0x8b, &Unpickler::bigger_int},
      {'G', &Unpickler::real},
      {'U', &Unpickler::short_text},
      {'C', &Unpickler::short_text},
      {0x8c, &Unpickler::short_text},
      {'T', &Unpickler::text},
      {'B', &Unpickler::text},
      {'X', &Unpickler::text},
      {0x8d, &Unpickler::long_text},
      {0x8e, &Unpickler::long_text},
      {']', &Unpickler::empty_sequence},
      {')', &Unpickler::empty_sequence},
      {0x8f, &Unpickler::empty_sequence},
      {'}', &Unpickler::empty_dict},
      {'t', &Unpickler::tuple},
      {0x85, &Unpickler::tuple1},
      {0x86, &Unpickler::tuple2},
      {0x87, &Unpickler::tuple3},
      {'a', &Unpickler::append},
      {'e', &Unpickler::append_all},
      {0x90, &Unpickler::append_all},
      {'s', &Unpickler::set_item},
      {'u', &Unpickler::set_items},
      {'q', &Unpickler::put8},
      {'r', &Unpickler::put32},
      {0x94, &Unpickler::memoize},
      {'h', &Unpickler::get8},
      {'j', &Unpickler::get32},
      {'c', &Unpickler::global},
      {0x93, &Unpickler::stack_global},
      {'R', &Unpickler::reduce},
      {'b', &Unpickler::build},
      {'Q', &Unpickler::persistent},
  }};
  const auto* found =
      std::find_if(kOpcodes.begin(), kOpcodes.end(), [&](const Opcode& known) { return known.code == code; });
  if (found == kOpcodes.end()) refuse("operation {:#04x} has no place among tensors and containers", code);
  return found->apply;
}

std::vector<const PickleStorage*> Pickle::storages() const {
  std::vector<const PickleStorage*> found;
  for (const PickleValue& value : values_) {
    if (const auto* storage = std::get_if<PickleStorage>(&value.data)) found.push_back(storage);
  }
  return found;
}

Pickle::Pickle(std::string_view bytes, const std::string& path) { Unpickler(bytes, path, *this).run(); }

}  // namespace netwright
