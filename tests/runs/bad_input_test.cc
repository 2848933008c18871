// What users get wrong, and the one line that they get.
#include <filesystem>

#include "core/file.h"
#include "formats/tfrecord.h"
#include "runs/data.h"

namespace netwright::test {
namespace {

class BadInput : public ::testing::Test {
 protected:
  BadInput() { write_records(data_); }

  // A training on `data` with further words.
  ProgramResult train(const std::string& data, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = train_words(data, run_.file("run"));
    words.insert(words.end(), more.begin(), more.end());
    return run_netwright(words);
  }
  void write_train(const std::vector<std::string>& records) {
    RecordWriter writer(data_.file("train-00000-of-00001"));
    for (const std::string& record : records) writer.write(record);
    writer.close();
  }

  TemporaryFolder data_;
  TemporaryFolder run_;
};

TEST_F(BadInput, WordsThatAreMissingOrWrong) {
  expect_error(run_netwright({"train", "mnasnet-a1", "--model_dir=x"}), 2, "--data is missing");
  expect_error(run_netwright({"train", "mnasnet-a1", "--data=fake"}), 2, "--model_dir is missing");
  expect_error(run_netwright({"train", "mnasnet-a2", "--data=fake", "--model_dir=x"}), 2, "mnasnet-a1");
  expect_error(train("fake", {"--optimiser=sgd"}), 2, "unknown flag --optimiser; did you mean --optimizer?");
  expect_error(train("fake", {"--batch=0"}), 2, "--batch");
  expect_error(train("fake", {"--train_steps=5"}), 2, "--epochs and --train_steps both");
  expect_error(train("fake", {"--micro_batches=4"}), 2, "a batch of 6 images can't be worked on in 4 equal parts");
  expect_error(train("fake", {"--device=tpu"}), 2, "device tpu is unknown");
  expect_error(run_netwright({"eval", "--data=fake"}), 2, "give one of --model_dir");
  expect_error(run_netwright({"eval", "--data=fake", "--model_dir=" + run_.path()}), 2, "no run.json there");
  expect_error(run_netwright({"eval", "--data=fake", "--model_dir=" + run_.file("none")}), 2, "no such folder");
  EXPECT_FALSE(std::filesystem::exists(run_.file("run")));
}

TEST_F(BadInput, DataThatAreNotThere) {
  expect_error(train(data_.file("none")), 2, "none");
  expect_error(train(data_.file("x-*")), 2, "x-*");
  const TemporaryFolder empty;
  expect_error(train(empty.path()), 2, empty.path());
  expect_error(train(data_.path(), {"--classes=2"}), 2, "has 3 classes, more than --classes=2");
}

TEST_F(BadInput, RecordsThatAreDamaged) {
  const std::string path = data_.file("train-00000-of-00001");
  const std::string whole = read_file(path);
  std::string flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 4);
  write_file_atomically(path, flipped);
  expect_error(train(data_.path()), 2, "train-00000-of-00001");
  write_file_atomically(path, whole.substr(0, whole.size() - 40));
  expect_error(train(data_.path()), 2, "train-00000-of-00001");
}

TEST_F(BadInput, RecordsWithoutImageOrWithAnImpossibleLabel) {
  write_train({record(picture(0, 0), 1), record("", 2)});
  expect_error(train(data_.path(), {"--max_bad_records=0"}), 1, "image/encoded");
  write_train({record(picture(0, 0), 1), record(picture(1, 0), 9)});
  expect_error(train(data_.path()), 1, "label");
  write_train({record(picture(0, 0), 1), record(picture(1, 0).substr(0, 350), 2)});
  expect_error(train(data_.path(), {"--max_bad_records=0"}), 1, "train-00000-of-00001");
}

TEST_F(BadInput, DamagedDataLoseNothing) {
  std::vector<std::string> records;
  for (int i = 0; i < 60; ++i) records.push_back(record(picture(i % 3, i), i % 3 + 1));
  records.push_back(record("", 1));
  write_train(records);
  const ProgramResult result = train(data_.path(), {"--batch=1", "--max_bad_records=0"});
  expect_error(result, 1, "image/encoded");
  EXPECT_TRUE(std::filesystem::exists(run_.file("run/checkpoint"))) << result.err;
}

// Bad records of training are replaced and listed, also by the process that goes on with the run.
TEST_F(BadInput, BadRecordsAreListedAtTheEnd) {
  std::vector<std::string> records;
  for (int i = 0; i < 24; ++i) records.push_back(i % 12 == 5 ? record("", 1) : record(picture(i % 3, i), i % 3 + 1));
  write_train(records);
  const ProgramResult first = train(data_.path());
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const std::string list = first.err.substr(first.err.find("warning: 2 bad records were replaced by other images:"));
  EXPECT_THAT(list, ::testing::HasSubstr("train-00000-of-00001, record 5 at byte "));
  EXPECT_THAT(list, ::testing::HasSubstr(", record 17 at byte "));
  EXPECT_THAT(list, ::testing::HasSubstr(": the record has no image/encoded\n"));
  const ProgramResult longer = train(data_.path(), {"--epochs=16"});
  EXPECT_THAT(longer.err, ::testing::HasSubstr(list.substr(0, list.find("done after"))));
}

TEST_F(BadInput, FoldersThatCanNotBeWritten) {
  std::vector<std::string> words = train_words(data_.path(), data_.file("labels.txt") + "/run");
  expect_error(run_netwright(words), 2, "labels.txt");
}

TEST_F(BadInput, NoBackend) {
  const ProgramResult result =
      run({"env", "NETWRIGHT_BACKENDS=" + data_.path(), std::string(NETWRIGHT_BINARY_DIR) + "/netwright", "train",
           "mnasnet-a1", "--data=fake", "--model_dir=" + run_.file("run")});
  expect_error(result, 2, "libnetwright_torch.so is missing");
  EXPECT_FALSE(std::filesystem::exists(run_.file("run")));
}

}  // namespace
}  // namespace netwright::test
