#include "formats/torch_file.h"

#include <zip.h>

#include "core/error.h"
#include "core/file.h"
#include "formats/pickle.h"
#include "formats/support.h"

namespace netwright {
namespace {

using test::error_of;
using test::from_hex;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// torch.save of PyTorch 2.13: OrderedDict(a=arange(6).reshape(2, 3).t(), n=tensor(3), h=tensor([1.5, -2]).half()).
constexpr std::string_view kPickle =
    "800263636f6c6c656374696f6e730a4f726465726564446963740a71002952710128580100000061710263746f7263682e5f7574696c730a5f"
    "72656275696c645f74656e736f725f76320a71032828580700000073746f72616765710463746f7263680a466c6f617453746f726167650a71"
    "055801000000307106580300000063707571074b06747108514b004b034b028671094b014b0386710a8968002952710b74710c52710d580100"
    "00006e710e68032828680463746f7263680a4c6f6e6753746f726167650a710f580100000031711068074b01747111514b0029298968002952"
    "7112747113527114580100000068711568032828680463746f7263680a48616c6653746f726167650a7116580100000032711768074b027471"
    "18514b004b028571194b0185711a8968002952711b74711c52711d752e";
constexpr std::string_view kFloats = "000000000000803f0000004000004040000080400000a040";

// The same by torch.save(..., _use_new_zipfile_serialization=False).
constexpr std::string_view kOld =
    "80028a0a6cfc9c46f9206aa850192e80024de9032e80027d710028581000000070726f746f636f6c5f76657273696f6e71014de903580d0000"
    "006c6974746c655f656e6469616e710288580a000000747970655f73697a657371037d710428580500000073686f727471054b025803000000"
    "696e7471064b0458040000006c6f6e6771074b0475752e800263636f6c6c656374696f6e730a4f726465726564446963740a71002952710128"
    "580100000061710263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a71032828580700000073746f72616765"
    "710463746f7263680a466c6f617453746f726167650a7105580e00000039343139313937373935393132307106580300000063707571074b06"
    "4e747108514b004b034b028671094b014b0386710a8968002952710b74710c52710d58010000006e710e68032828680463746f7263680a4c6f"
    "6e6753746f726167650a710f580e0000003934313931383931353139383234711068074b014e747111514b0029298968002952711274711352"
    "7114580100000068711568032828680463746f7263680a48616c6653746f726167650a7116580e000000393431393138393135323036303871"
    "1768074b024e747118514b004b028571194b0185711a8968002952711b74711c52711d752e80025d710028580e000000393431393138393135"
    "3139383234710158"
    "0e00000039343139313839313532303630387102580e00000039343139313937373935393132307103652e0100000000"
    "00000003000000000000000200000000000000003e00c00600000000000000000000000000803f0000004000004040000080400000a040";

using Members = std::vector<std::pair<std::string, std::string>>;

Members good_members() {
  return {{"m/data.pkl", from_hex(kPickle)},
          {"m/byteorder", "little"},
          {"m/data/0", from_hex(kFloats)},
          {"m/data/1", from_hex("0300000000000000")},
          {"m/data/2", from_hex("003e00c0")}};
}

class TorchFile : public ::testing::Test {
 protected:
  std::string zip(const Members& members, zip_int32_t method = ZIP_CM_STORE) {
    const std::string path = folder_.file("file.pth");
    std::filesystem::remove(path);
    zip_t* file = zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, nullptr);
    for (const auto& [name, bytes] : members) {
      zip_source_t* source = zip_source_buffer(file, bytes.data(), bytes.size(), 0);
      const zip_int64_t index = zip_file_add(file, name.c_str(), source, 0);
      zip_set_file_compression(file, static_cast<zip_uint64_t>(index), method, 0);
    }
    EXPECT_EQ(zip_close(file), 0);
    return path;
  }
  std::string zip_of(const std::string& pickle) { return zip({{"m/data.pkl", pickle}}); }
  static std::string refusal(const std::string& path) {
    const std::string error = error_of([&] { TorchReader reader(path); });
    EXPECT_TRUE(error.starts_with(path + ": ")) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    return error;
  }

  TemporaryFolder folder_;
};

void expect_the_three_tensors(const std::string& path) {
  const TorchReader reader(path);
  ASSERT_EQ(reader.tensors().size(), 3);
  EXPECT_EQ(reader.tensors()[0].name, "a");
  EXPECT_EQ(reader.tensors()[0].dtype, "F32");
  EXPECT_THAT(reader.tensors()[0].shape, ElementsAre(3, 2));
  std::vector<float> values(6);
  reader.read_floats("a", values);
  EXPECT_THAT(values, ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_EQ(reader.find("n")->dtype, "I64");
  EXPECT_TRUE(reader.find("n")->shape.empty());
  values.resize(2);
  reader.read_floats("h", values);
  EXPECT_THAT(values, ElementsAre(1.5, -2));
  EXPECT_EQ(reader.find("b"), nullptr);
  EXPECT_THAT(error_of([&] { reader.read_floats("n", std::span(values).first(1)); }),
              HasSubstr("tensor n: is I64, expected floating point"));
  EXPECT_THAT(error_of([&] { reader.read_floats("b", values); }), HasSubstr("has no tensor b"));
}

TEST_F(TorchFile, ReadsBothForms) {
  expect_the_three_tensors(zip(good_members()));
  expect_the_three_tensors(folder_.write("old.pth", from_hex(kOld)));
}

// Containers in containers, lists and numbers as keys: the path is the name.
TEST_F(TorchFile, NamesAreTheWayThroughTheContainers) {
  std::string pickle = from_hex("80027d");  // {
  pickle += from_hex("5805000000") + "outer";
  pickle += from_hex("5d") + from_hex(kPickle).substr(2, from_hex(kPickle).size() - 3) + "a";  // [OrderedDict(...)]
  pickle += "s";
  pickle += "K" + std::string(1, '\x07') + "K" + std::string(1, '\x08') + "s.";  // 7: 8
  Members members = good_members();
  members[0].second = pickle;
  const TorchReader reader(zip(members));
  ASSERT_EQ(reader.tensors().size(), 3);
  EXPECT_EQ(reader.tensors()[2].name, "outer.0.h");
}

TEST_F(TorchFile, NothingButTensorsAndContainers) {
  const std::string system = from_hex("8002") + "cposix\nsystem\n" + from_hex("5802000000") + "ls\x85R.";
  EXPECT_THAT(refusal(zip_of(system)),
              HasSubstr("pickle: byte 2: it wants \"posix.system\"; only tensors and plain containers are read, and "
                        "nothing is executed"));
  EXPECT_THAT(refusal(zip_of(from_hex("80048c086275696c74696e738c0465766c6593"))), HasSubstr("\"builtins.evle\""));
  EXPECT_THAT(refusal(zip_of("\x80\x02"
                             "ctorch.nn\nFloatStorage\n.")),
              HasSubstr("\"torch.nn.FloatStorage\""));
  EXPECT_THAT(refusal(zip_of("\x80\x02i")), HasSubstr("byte 2: operation 0x69 has no place"));
  EXPECT_THAT(refusal(zip_of("\x80\x02}\x81.")), HasSubstr("byte 3: operation 0x81"));
}

TEST_F(TorchFile, DamagedPickles) {
  EXPECT_THAT(refusal(zip_of("")), HasSubstr("byte 0: cut short: 1 bytes are wanted, 0 are left"));
  EXPECT_THAT(refusal(zip_of("\x80\x02R.")), HasSubstr("byte 2: nothing is on the stack"));
  EXPECT_THAT(refusal(zip_of("\x80\x02t.")), HasSubstr("byte 2: there is no mark"));
  EXPECT_THAT(refusal(zip_of("\x80\x02h\x05.")), HasSubstr("value 5 was never remembered"));
  EXPECT_THAT(refusal(zip_of("\x80\x09.")), HasSubstr("protocol 9, expected 2 to 5"));
  EXPECT_THAT(refusal(zip_of("\x80\x02}(K\x01u.")), HasSubstr("1 keys and values, expected pairs"));
  EXPECT_THAT(refusal(zip_of("\x80\x02K\x01K\x02"
                             "a.")),
              HasSubstr("expected a list"));
  EXPECT_THAT(refusal(zip_of("\x80\x02X\xff\xff\xff\x7f"
                             "abc")),
              HasSubstr("2147483647 bytes are wanted, 3 are left"));
  EXPECT_THAT(refusal(zip_of("\x80\x02]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a.")),
              HasSubstr("containers that hold others again and again"));  // a list in itself
  EXPECT_THAT(refusal(zip_of("\x80\x02" + std::string(70, ']') + std::string(69, 'a') + ".")),
              HasSubstr("nested more than 64 deep"));
}

// A few bytes that unfold to gigabytes.
TEST_F(TorchFile, PicklesThatUnfold) {
  std::string lists = from_hex("80025d7100");
  for (char level = 1; level < 16; ++level) {
    const std::string last = {'h', static_cast<char>(level - 1)};
    lists += "](" + last + last + last + last + "eq" + level;
  }
  EXPECT_THAT(refusal(zip_of(lists + ".")), HasSubstr("containers that hold others again and again"));
  EXPECT_THAT(refusal(zip_of("\x80\x02" + std::string(5'000'000, 'N'))), HasSubstr("more than 4000000 values"));

  const std::string good = from_hex(kPickle);
  const size_t shape = good.find(from_hex("4b034b0286"));
  Members members = good_members();
  members[0].second.replace(shape, 5, "(" + std::string(17, '\x89') + "t");
  EXPECT_THAT(refusal(zip(members)), HasSubstr("a tensor has 17 axes, expected at most 16"));
  members = good_members();
  const size_t key = good.find(from_hex("580100000030"));
  members[0].second.replace(key, 6, from_hex("582c010000") + std::string(300, '0'));
  EXPECT_THAT(refusal(zip(members)), HasSubstr("a storage's key has 300 bytes, expected at most 256"));
  members = good_members();
  const size_t name = good.find(from_hex("580100000061"));
  members[0].second.replace(name, 6, from_hex("5858020000") + std::string(600, 'a'));
  EXPECT_THAT(refusal(zip(members)), HasSubstr("a tensor's name has more than 512 bytes"));
}

// An axis of one element has any stride, and nobody may follow it.
TEST_F(TorchFile, StridesOfAxesOfOneElement) {
  Members members = good_members();
  const std::string shape = from_hex("4b034b028671094b014b038671");
  const std::string view = from_hex("284b034b024b01747109284b014b038a08ffffffffffffff7f7471");
  std::string& pickle = members[0].second;
  pickle.replace(pickle.find(shape), shape.size(), view);
  const TorchReader reader(zip(members));
  EXPECT_THAT(reader.tensors()[0].shape, ElementsAre(3, 2, 1));
  std::vector<float> values(6);
  reader.read_floats("a", values);
  EXPECT_THAT(values, ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST_F(TorchFile, TensorsThatReachTooFar) {
  const std::string good = from_hex(kPickle);
  const size_t shape = good.find(from_hex("4b034b028671094b014b0386"));
  ASSERT_NE(shape, std::string::npos);
  const auto with_byte = [&](size_t at, char value) {
    Members members = good_members();
    members[0].second[shape + at] = value;
    return refusal(zip(members));
  };
  EXPECT_THAT(with_byte(1, 4), HasSubstr("tensor a: offset, shape or strides reach beyond its storage of 6 elements"));
  EXPECT_THAT(with_byte(10, 4), HasSubstr("tensor a: offset, shape or strides"));
  EXPECT_THAT(with_byte(-1, 1), HasSubstr("tensor a: offset, shape or strides"));  // the offset
  EXPECT_THAT(with_byte(1, 100), HasSubstr("tensor a: offset, shape or strides"));
}

TEST_F(TorchFile, ZipsThatLie) {
  const auto without = [](size_t index) {
    Members members = good_members();
    members.erase(members.begin() + static_cast<std::ptrdiff_t>(index));
    return members;
  };
  EXPECT_THAT(refusal(zip(without(0))), HasSubstr("is a zip without data.pkl"));
  EXPECT_THAT(refusal(zip(without(3))), HasSubstr("the zip has no member \"m/data/1\""));
  Members members = good_members();
  members[2].second.pop_back();
  EXPECT_THAT(refusal(zip(members)), HasSubstr("storage \"0\" has 23 bytes, expected 24 for 6 elements"));
  members = good_members();
  members[1].second = "big";
  EXPECT_THAT(refusal(zip(members)), HasSubstr("not little-endian"));
  members = good_members();
  members.emplace_back("n/data.pkl", "");
  EXPECT_THAT(refusal(zip(members)), HasSubstr("two members are called data.pkl"));
  members = good_members();
  members[2].second = std::string(24, '\0');
  EXPECT_THAT(refusal(zip(members, ZIP_CM_DEFLATE)), HasSubstr("is compressed"));
}

TEST_F(TorchFile, DamagedZips) {
  const std::string path = zip(good_members());
  const std::string whole = read_file(path);
  std::string damaged = whole;
  damaged[whole.find(from_hex(kFloats)) + 5] ^= 1;
  write_file_atomically(path, damaged);
  const TorchReader reader(path);
  std::vector<float> values(6);
  EXPECT_THAT(error_of([&] { reader.read_floats("a", values); }), HasSubstr("member \"m/data/0\": CRC error"));
  for (size_t length = 5; length < whole.size(); length += 17) {
    write_file_atomically(path, whole.substr(0, length));
    EXPECT_THAT(refusal(path), HasSubstr("is a"));
  }
  // The directory claims more than the members have.
  for (size_t at = whole.rfind("PK\x01\x02"); at + 30 < whole.size(); ++at) {
    damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    write_file_atomically(path, damaged);
    try {
      const TorchReader again(path);
      again.read_floats("h", std::span(values).first(2));
    } catch (const Error& error) {
      EXPECT_TRUE(std::string_view(error.what()).starts_with(path)) << error.what();
    }
  }
}

TEST_F(TorchFile, OldFormCutShort) {
  const std::string whole = from_hex(kOld);
  for (size_t length = 0; length < whole.size(); ++length) {
    refusal(folder_.write("cut.pth", whole.substr(0, length)));
  }
  std::string other = whole;
  other[whole.size() - 32] = 5;  // the last storage's own count
  EXPECT_THAT(refusal(folder_.write("count.pth", other)), HasSubstr("has 5 elements, expected 6"));
}

TEST_F(TorchFile, OtherFiles) {
  EXPECT_THAT(refusal(folder_.write("text.pth", "hello")), HasSubstr("is not a file of PyTorch"));
  EXPECT_THAT(refusal(folder_.write("plain.pkl", "\x80\x02}.")), HasSubstr("is not a file of PyTorch"));
  EXPECT_THAT(error_of([&] { TorchReader reader(folder_.file("none.pth")); }), HasSubstr("none.pth"));
}

}  // namespace
}  // namespace netwright
