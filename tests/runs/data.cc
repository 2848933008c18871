#include "runs/data.h"

#include <algorithm>

#include "core/text.h"
#include "data/encode.h"
#include "formats/example.h"
#include "formats/tfrecord.h"

namespace netwright::test {
namespace {

void write_split(const std::string& path, int count) {
  RecordWriter writer(path);
  for (int i = 0; i < count; ++i) writer.write(record(picture(i % 3, i), i % 3 + 1));
  writer.close();
}

}  // namespace

std::string picture(int label, int variant) {
  Image image;
  image.reshape(20, 20, 3);
  for (int64_t i = 0; i < image.bytes(); ++i) {
    image.pixels()[i] = static_cast<uint8_t>(40 + 80 * label + (i * 7 + variant * 13) % 30);
  }
  return encode_jpeg(image);
}

std::string record(const std::string& image, int label) {
  Example example;
  if (!image.empty()) example.set_bytes("image/encoded", image);
  example.set_int64("image/class/label", label);
  return example.serialize();
}

void write_records(const TemporaryFolder& folder) {
  write_split(folder.file("train-00000-of-00001"), 24);
  write_split(folder.file("validation-00000-of-00001"), 10);
  folder.write("labels.txt", "dark\nmiddle\nbright\n");
}

std::vector<std::string> train_words(const std::string& data, const std::string& model_dir) {
  return {"train",
          "mnasnet-small",
          "--depth_multiplier=0.35",
          "--image_size=16",
          "--dropout_rate=0",
          "--threads=1",
          "--batch=6",
          "--epochs=15",
          "--lr_warmup_epochs=1",
          "--base_learning_rate=0.1",
          "--moving_average_decay=0.5",
          "--train_crop=none",
          "--steps_per_eval=0",
          "--data=" + data,
          "--model_dir=" + model_dir};
}

void expect_error(const ProgramResult& result, int code, const std::string& part) {
  EXPECT_EQ(result.exit_code, code) << result.err;
  // Work that had begun has said so before.
  const std::vector<std::string> lines = split(result.err, '\n');
  ASSERT_GE(lines.size(), 2U);
  const std::string& last = lines[lines.size() - 2];
  EXPECT_THAT(last, ::testing::StartsWith("netwright "));
  EXPECT_THAT(last, ::testing::HasSubstr(part));
  EXPECT_TRUE(code != 2 || lines.size() == 2) << result.err;
}

}  // namespace netwright::test
