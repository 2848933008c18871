#include "errors/fixture.h"

#include <filesystem>
#include <functional>

#include "commands/subprocess.h"
#include "core/error.h"
#include "core/file.h"
#include "formats/example.h"
#include "formats/safetensors.h"
#include "formats/tfrecord.h"
#include "graph/shape.h"
#include "runs/data.h"

namespace netwright::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kShard = "train-00000-of-00001";

void write(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  write_file_atomically(path, content);
}

std::string flip(std::string content, size_t at) {
  content[at] = static_cast<char>(content[at] ^ 4);
  return content;
}

// A set of images with one bad record among `good` others, in `name`; validation is the same.
void write_set(const fs::path& folder, const std::string& bad, int good = 8) {
  for (const char* shard : {kShard, "validation-00000-of-00001"}) {
    fs::create_directories(folder);
    RecordWriter writer((folder / shard).string());
    for (int i = 0; i < good; ++i) writer.write(record(picture(i % 3, i), i % 3 + 1));
    writer.write(bad);
    writer.close();
  }
}

std::string record_without_label() {
  Example example;
  example.set_bytes("image/encoded", picture(0, 0));
  return example.serialize();
}

// A PNG whose header claims a hundred thousand pixels a side: IHDR with its checksum, and nothing else.
std::string huge_png() {
  return std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\x86\xa0\0\1\x86\xa0\x8\2\0\0\0", 29) + "\x27\x30\x9c\x9f";
}

void write_record_files(const fs::path& root) {
  const std::string shard = read_file(root / "records" / kShard);
  write(root / "cut" / kShard, shard.substr(0, shard.size() - 40));
  write(root / "length" / kShard, flip(shard, 9));
  write(root / "gzip" / kShard, "\x1f\x8b\x08" + shard);
  write(root / "text" / kShard, "not records at all\n");
  write(root / "none" / kShard, "");
  fs::create_directories(root / "empty");
  fs::copy(root / "records", root / "unnamed");
  write(root / "unnamed/labels.txt", "dark\n\nbright\n");
  write_set(root / "no_example", "no example");
  write_set(root / "no_image", record("", 1));
  write_set(root / "no_label", record_without_label());
  write_set(root / "label", record(picture(0, 0), 9));
  write_set(root / "cut_image", record(picture(0, 0).substr(0, 350), 1));
  write_set(root / "gif", record("GIF89a", 1));
  write_set(root / "huge", record(huge_png(), 1));
  write_set(root / "all_bad", "no example", 0);
  write_set(root / "payload", record(picture(1, 1), 1));
  const std::string payload = read_file(root / "payload" / kShard);
  for (const char* name : {kShard, "validation-00000-of-00001"}) {
    write(root / "payload" / name, flip(payload, payload.size() - 300));
  }
}

std::string idx_header(int kind, std::initializer_list<int> extents) {
  std::string bytes = {0, 0, 8, static_cast<char>(kind)};
  for (const int extent : extents) bytes += {0, 0, static_cast<char>(extent / 256), static_cast<char>(extent % 256)};
  return bytes;
}

void write_idx(const fs::path& folder, const std::string& images, const std::string& labels) {
  write(folder / "train-images-idx3-ubyte", images);
  write(folder / "train-labels-idx1-ubyte", labels);
}

void write_other_data(const fs::path& root) {
  const std::string images = idx_header(3, {2, 4, 4}) + std::string(32, 'x');
  write_idx(root / "idx_cut", images.substr(0, 40), idx_header(1, {2}) + std::string(2, '\0'));
  write_idx(root / "idx_kind", "\x89PNG" + images, idx_header(1, {2}) + std::string(2, '\0'));
  write_idx(root / "idx_counts", images, idx_header(1, {3}) + std::string(3, '\0'));
  write(root / "idx_images/train-images-idx3-ubyte", images);
  write(root / "idx_labels/t10k-labels-idx1-ubyte.gz", "");
  for (const char* name : {"train/cat/1.jpg", "train/dog/1.jpg", "val/cat/1.jpg", "val/horse/1.jpg"}) {
    write(root / "classes" / name, picture(0, 0));
  }
  write(root / "misnamed/cat/1.jpg", picture(0, 0));
  write(root / "misnamed/cat/2.jpg", "BM not a photograph");
  fs::create_directories(root / "no_pictures/train/cat");
  write(root / "good.jpg", picture(0, 0));
  write(root / "cut.jpg", picture(0, 0).substr(0, 350));
  write(root / "text.jpg", "not an image");
  write(root / "empty.jpg", "");
  write(root / "file", "a file\n");
  write(root / "backends/libnetwright_torch.so", "not a library\n");
}

void write_tensors(const fs::path& root) {
  const std::vector<float> pixels(2 * 16 * 16 * 3, 0.5F);
  const auto write_images = [&](const char* name, const Shape& shape,
                                const std::function<void(SafetensorsWriter&)>& add) {
    SafetensorsWriter writer;
    writer.add_floats(name == std::string("other.safetensors") ? "pictures" : "images", shape, pixels);
    add(writer);
    writer.write(root / name);
  };
  const auto nothing = [](SafetensorsWriter&) {};
  write_images("images.safetensors", {2, 16, 16, 3}, nothing);
  write_images("other.safetensors", {2, 16, 16, 3}, nothing);
  write_images("flat.safetensors", {2, 768}, nothing);
  const std::string whole = read_file(root / "images.safetensors");
  write(root / "cut.safetensors", whole.substr(0, whole.size() - 10));
  write(root / "header.safetensors", std::string(8, '\xff') + whole.substr(8));
  write(root / "text.safetensors", "not tensors");
}

// A safetensors file with this header and so many zeros behind it.
std::string safetensors(std::string header, size_t bytes) {
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string size(8, '\0');
  size[0] = static_cast<char>(header.size());
  return size + header + std::string(bytes, '\0');
}

// Weights and networks of others.
void write_foreign_files(const fs::path& root) {
  // The form before PyTorch 1.6; its object is what a class is pickled to whose __reduce__ is os.system, ("true",).
  const std::string begin("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.", 25);
  const std::string object(
      "\x80\x02"
      "cposix\nsystem\nX\x04\0\0\0true\x85R.",
      27);
  write(root / "code.pth", begin + object);
  write(root / "overlap.safetensors", safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                                  R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                                                  12));
  write(root / "short.safetensors", safetensors(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8));
  const std::string tower =
      R"(["namedtuple:basic_specs.ConvTowerSpec",["blocks",["list",["namedtuple:basic_specs.Block",)"
      R"(["layers",["list",["namedtuple:mobile_search_space_v3.ConvSpec",["kernel_size",)"
      R"(["oneof",["choices",["list",3,5]],["tag","op_indices"]]],["strides",1],)"
      R"(["use_batch_norm",true]]]],["filters",8]]]],["filters_base",8]])";
  write(root / "open.json", tower);
  write(root / "cut.json", tower.substr(0, tower.size() - 20));
  write(root / "empty.json", "{}");
  const std::string inputs = "[Input]\nname=image\ninput_shape=[16, 16, 3]\n\n[Input]\nname=label\n\n";
  const auto layer = [](const std::string& name, const std::string& input, const std::string& more) {
    return fmt::format("[Convolutional]\nname={}\ninput={}\nfilters=4\n{}\n", name, input, more);
  };
  write(root / "missing.prototxt", inputs + layer("a", "b", ""));
  write(root / "cycle.prototxt", inputs + layer("a", "b", "") + layer("b", "a", ""));
  write(root / "twice.prototxt", inputs + layer("a", "image", "") + layer("a", "a", ""));
  write(root / "line.prototxt", inputs + layer("a", "image", "batchnorm\n"));
  write(root / "kind.prototxt", inputs + layer("a", "image", "") + "[Warp]\nname=w\ninput=a\n\n");
  write(root / "field.prototxt", inputs + layer("a", "image", "colour=red\n"));
  write(root / "value.prototxt", inputs + layer("a", "image", "strides=0\n"));
}

// Copies of the run, each damaged in its own way.
void write_damaged_runs(const fs::path& root) {
  const std::string data = "model.ckpt-2.data-00000-of-00001";
  const auto copy = [&](const char* name, const std::string& file,
                        const std::function<std::string(std::string)>& damage) {
    fs::copy(root / "run", root / name, fs::copy_options::recursive);
    const fs::path path = root / name / file;
    write(path, damage(read_file(path)));
  };
  copy("run_json", "run.json", [](const std::string& s) { return s.substr(0, 20); });
  copy("run_state", "checkpoint", [](const std::string&) { return "model_checkpoint_path = 7\n"; });
  copy("run_gone", "checkpoint", [](const std::string&) { return "model_checkpoint_path: \"model.ckpt-9\"\n"; });
  copy("run_cut", data, [](const std::string& s) { return s.substr(0, 5000); });
  copy("run_flipped", data, [](const std::string& s) { return flip(s, 3000); });
  copy("run_index", "model.ckpt-2.index", [](const std::string& s) { return s.substr(0, 100); });
}

// The run's weights, the last of them not numbers: this format has no checksums.
void write_nan(const fs::path& root) {
  const std::string path = root / "nan.safetensors";
  const ProgramResult converted =
      run_netwright({"convert", "--weights=" + (root / "run").string(), "--output=" + path});
  if (converted.exit_code != 0) fail("{}", converted.err);
  std::string bytes = read_file(path);
  bytes.replace(bytes.size() - 4000, 4000, std::string(4000, '\xff'));
  write(path, bytes);
}

}  // namespace

void make_damaged_files(const std::string& folder) {
  const fs::path root(folder);
  const TemporaryFolder records;
  write_records(records);
  fs::copy(records.path(), root / "records");
  write_record_files(root);
  write_other_data(root);
  write_tensors(root);
  write_foreign_files(root);
  std::vector<std::string> words = train_words((root / "records").string(), (root / "run").string());
  std::erase(words, "--epochs=15");
  words.emplace_back("--train_steps=2");
  const ProgramResult trained = run_netwright(words);
  if (trained.exit_code != 0) fail("{}", trained.err);
  write_damaged_runs(root);
  write_nan(root);
}

}  // namespace netwright::test
