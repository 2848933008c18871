// train, eval and predict on a small set of images, from beginning to end.
#include <array>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/text.h"
#include "formats/tensor_bundle.h"
#include "runs/data.h"

namespace netwright::test {
namespace {

using ::testing::HasSubstr;

class Run : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    data_ = new TemporaryFolder;
    run_ = new TemporaryFolder;
    write_records(*data_);
    trained_ = new ProgramResult(run_netwright(train_words(data_->path(), run_->path())));
  }
  static void TearDownTestSuite() {
    delete data_;
    delete run_;
    delete trained_;
  }

  static ProgramResult evaluate(std::vector<std::string> more) {
    std::vector<std::string> words = {"eval", "--data=" + data_->path(), "--threads=1"};
    words.insert(words.end(), more.begin(), more.end());
    return run_netwright(words);
  }
  static nlohmann::json evaluation(std::vector<std::string> more) {
    more.emplace_back("--json");
    const ProgramResult result = evaluate(more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out);
  }
  static std::string write_picture(int label) {
    return run_->write(fmt::format("picture-{}.jpg", label), picture(label, 99));
  }

  static TemporaryFolder* data_;
  static TemporaryFolder* run_;
  static ProgramResult* trained_;
};

TemporaryFolder* Run::data_ = nullptr;
TemporaryFolder* Run::run_ = nullptr;
ProgramResult* Run::trained_ = nullptr;

TEST_F(Run, Trains) {
  EXPECT_EQ(trained_->exit_code, 0) << trained_->err;
  EXPECT_EQ(trained_->out, "");
  EXPECT_THAT(trained_->err, HasSubstr("done after 60 steps"));
  for (const char* name : {"run.json", "checkpoint", "model.ckpt-60.index", "metrics.jsonl", "eval/metrics.jsonl"}) {
    EXPECT_TRUE(std::filesystem::exists(run_->file(name))) << name;
  }
  EXPECT_EQ(match_files(run_->file("events.out.tfevents.*")).size(), 1U);
  EXPECT_EQ(match_files(run_->file("eval/events.out.tfevents.*")).size(), 1U);
  const auto info = nlohmann::json::parse(read_file(run_->file("run.json")));
  EXPECT_EQ(info["classes"], 3);  // labels.txt of the data
  EXPECT_EQ(info["class_names"][2], "bright");
  EXPECT_EQ(info["train_data"]["images"], 24);
}

TEST_F(Run, EvaluatesAsTrainingDid) {
  const nlohmann::json result = evaluation({"--model_dir=" + run_->path()});
  EXPECT_EQ(result["images"], 10);
  EXPECT_EQ(result["step"], 60);
  EXPECT_EQ(result["average"], true);
  const std::string log = read_file(run_->file("eval/metrics.jsonl"));
  const auto trained = nlohmann::json::parse(log.substr(0, log.find('\n')));
  for (const char* tag : {"top_1_accuracy", "top_5_accuracy", "loss", "cross_entropy"}) {
    EXPECT_EQ(result[tag], trained[tag]) << tag;
  }
  EXPECT_EQ(result["top_5_accuracy"], 1.0);  // of three classes
  EXPECT_GT(result["loss"], result["cross_entropy"]);
}

TEST_F(Run, EvaluatesAnyWeightsInAnyBatch) {
  const nlohmann::json averaged = evaluation({"--weights=" + run_->file("model.ckpt-60"), "--batch=3"});
  const nlohmann::json raw = evaluation({"--model_dir=" + run_->path(), "--noaverage"});
  EXPECT_EQ(averaged["average"], true);
  EXPECT_EQ(raw["average"], false);
  EXPECT_EQ(averaged["images"], 10);
  EXPECT_NE(averaged["loss"], raw["loss"]);
  const ProgramResult text = evaluate({"--model_dir=" + run_->path()});
  EXPECT_THAT(text.out, HasSubstr("images         10\n"));
}

// The same images as folders, whose names sort otherwise; and only some of the classes.
TEST_F(Run, EvaluatesOtherDataByTheNamesOfTheirClasses) {
  const TemporaryFolder folders;
  for (int i = 0; i < 10; ++i) {
    const std::string name = fmt::format("{}/{}.jpg", std::array{"dark", "middle", "bright"}.at(i % 3), i);
    std::filesystem::create_directories(std::filesystem::path(folders.file(name)).parent_path());
    folders.write(name, picture(i % 3, i));
  }
  const std::string model_dir = "--model_dir=" + run_->path();
  const nlohmann::json records = evaluation({model_dir});
  const nlohmann::json named = evaluation({model_dir, "--data=" + folders.path()});
  EXPECT_EQ(named["images"], 10);
  EXPECT_EQ(named["top_1_accuracy"], records["top_1_accuracy"]);
  EXPECT_NEAR(named["cross_entropy"].get<double>(), records["cross_entropy"].get<double>(), 1e-6);
  const TemporaryFolder rest;
  std::filesystem::rename(folders.file("bright"), rest.file("bright"));
  double sum = 0.0;
  for (const TemporaryFolder* part : {&folders, &rest}) {
    const nlohmann::json some = evaluation({model_dir, "--data=" + part->path()});
    sum += some["images"].get<double>() * some["cross_entropy"].get<double>();
  }
  EXPECT_NEAR(sum, 10.0 * named["cross_entropy"].get<double>(), 1e-5);
}

// safetensors have no checksums: the last values are made NaN.
TEST_F(Run, OutputsThatAreNotFiniteAreNoResult) {
  const std::string weights = run_->file("nan.safetensors");
  const ProgramResult made = run_netwright({"convert", "--weights=" + run_->path(), "--output=" + weights});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  std::string bytes = read_file(weights);
  bytes.replace(bytes.size() - 4000, 4000, std::string(4000, '\xff'));
  write_file_atomically(weights, bytes);
  const ProgramResult result = evaluate({"--weights=" + weights});
  expect_error(result, 1, "nan.safetensors: the network's outputs aren't finite for 10 of 10 images");
  EXPECT_EQ(result.out, "");
  expect_error(run_netwright({"predict", "--weights=" + weights, write_picture(0)}), 1,
               "picture-0.jpg: the network's outputs for it aren't finite");
}

TEST_F(Run, AResultThatCanNotBeKeptIsTold) {
  const TemporaryFolder copy;
  std::filesystem::copy(run_->path(), copy.path(), std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(copy.file("eval"));
  copy.write("eval", "in the way");
  const ProgramResult result = evaluate({"--model_dir=" + copy.path()});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("top-1 "));
  EXPECT_THAT(result.err, HasSubstr("warning: the result isn't kept with the run: "));
}

// The run.json promises more steps than there are.
TEST_F(Run, WatchingEndsWithAWord) {
  const TemporaryFolder copy;
  std::filesystem::copy(run_->path(), copy.path(), std::filesystem::copy_options::recursive);
  auto info = nlohmann::ordered_json::parse(read_file(copy.file("run.json")));
  for (auto& setting : info["settings"]) {
    if (setting["name"] == "train_steps") setting["value"] = "61";
  }
  copy.write("run.json", info.dump());
  const ProgramResult result = evaluate({"--model_dir=" + copy.path(), "--watch", "--eval_timeout=0"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("step           60\n"));
  EXPECT_THAT(result.err, HasSubstr(copy.path() + ": no new checkpoint in 0 s; watched no longer\n"));
}

// Of paths and classes.
TEST_F(Run, NamesNeedNotBeUtf8) {
  const TemporaryFolder folder;
  for (int i = 0; i < 6; ++i) {
    const std::string name = fmt::format("d\xff/{}/{}.jpg", std::array{"dark\xfe", "bright"}.at(i % 2), i);
    std::filesystem::create_directories(std::filesystem::path(folder.file(name)).parent_path());
    folder.write(name, picture(i % 2, i));
  }
  const std::string data = folder.file("d\xff");
  std::vector<std::string> words = train_words(data, folder.file("run\xff"));
  std::erase(words, "--epochs=15");
  words.insert(words.end(), {"--train_steps=2", "--eval_data=" + data});
  const ProgramResult trained = run_netwright(words);
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  std::filesystem::create_directories(folder.file("some"));
  std::filesystem::rename(folder.file("d\xff/dark\xfe"), folder.file("some/dark\xfe"));
  const nlohmann::json result = evaluation({"--model_dir=" + folder.file("run\xff"), "--data=" + folder.file("some")});
  EXPECT_EQ(result["images"], 3);
  EXPECT_EQ(run_netwright({"predict", "--json", "--threads=1", "--model_dir=" + folder.file("run\xff"),
                           folder.file("some/dark\xfe/0.jpg")})
                .exit_code,
            0);
}

TEST_F(Run, Predicts) {
  const std::vector<std::string> pictures = {write_picture(0), write_picture(2)};
  const ProgramResult result =
      run_netwright({"predict", "--model_dir=" + run_->path(), pictures[0], pictures[1], "--json", "--threads=1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto out = nlohmann::json::parse(result.out);
  ASSERT_EQ(out.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(out[i]["image"], pictures[i]);
    ASSERT_EQ(out[i]["top"].size(), 3U);
    double sum = 0.0;
    for (const auto& item : out[i]["top"]) sum += item["probability"].get<double>();
    EXPECT_NEAR(sum, 1.0, 1e-6);
    EXPECT_GE(out[i]["top"][0]["probability"], out[i]["top"][1]["probability"]);
  }
  EXPECT_NE(out[0]["top"], out[1]["top"]);  // dark and bright: each is looked at
  // The same model by its name, with names from a file.
  const std::string labels = run_->write("names.txt", "one\ntwo\nthree\n");
  const ProgramResult named = run_netwright({"predict", "mnasnet-small", "--model_dir=" + run_->path(), pictures[0],
                                             "--labels=" + labels, "--top=1", "--threads=1"});
  EXPECT_EQ(named.exit_code, 0) << named.err;
  EXPECT_THAT(named.out, ::testing::MatchesRegex("[^\n]*picture-0.jpg\n +[0-9.]+ %  (one|two|three)\n"));
}

TEST_F(Run, SaysWhenItIsDone) {
  const ProgramResult again = run_netwright(train_words(data_->path(), run_->path()));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("was done already after 60 steps"));
}

TEST_F(Run, RefusesWeightsOfAnotherNetwork) {
  expect_error(evaluate({"mnasnet-a1", "--weights=" + run_->file("model.ckpt-60"), "--classes=3"}), 2,
               "is not a checkpoint of this network; ");
  std::vector<std::string> other = train_words(data_->path(), run_->path());
  other[1] = "mnasnet-a1";
  expect_error(run_netwright(other), 2, "holds a run with the model mnasnet-small, not mnasnet-a1");
}

TEST_F(Run, RefusesDamagedCheckpoints) {
  const TemporaryFolder copy;
  for (const char* name : {"run.json", "checkpoint", "model.ckpt-60.index"}) {
    copy.write(name, read_file(run_->file(name)));
  }
  const std::string data = read_file(run_->file("model.ckpt-60.data-00000-of-00001"));
  copy.write("model.ckpt-60.data-00000-of-00001", data.substr(0, 5000));
  expect_error(evaluate({"--model_dir=" + copy.path()}), 2, "model.ckpt-60");
  std::string flipped = data;
  flipped[3000] = static_cast<char>(flipped[3000] ^ 1);
  copy.write("model.ckpt-60.data-00000-of-00001", flipped);
  expect_error(evaluate({"--model_dir=" + copy.path(), "--average"}), 2, "model.ckpt-60");
  std::vector<std::string> words = train_words(data_->path(), copy.path());
  words.emplace_back("--train_steps=70");
  words.erase(std::find(words.begin(), words.end(), "--epochs=15"));
  const std::string description = read_file(copy.file("run.json"));
  words.emplace_back("--log_steps=7");
  expect_error(run_netwright(words), 2, "model.ckpt-60");
  EXPECT_EQ(read_file(copy.file("run.json")), description);
}

TEST_F(Run, PredictRefusesWhatIsNoImage) {
  const std::string text = run_->write("text.jpg", "not an image");
  const std::string cut = run_->write("cut.jpg", picture(1, 1).substr(0, 300));
  const std::string model_dir = "--model_dir=" + run_->path();
  expect_error(run_netwright({"predict", model_dir, text}), 1, "text.jpg: ");
  const ProgramResult both = run_netwright({"predict", model_dir, write_picture(1), cut});
  expect_error(both, 1, "cut.jpg: ");
  EXPECT_THAT(both.out, HasSubstr("picture-1.jpg\n"));
  expect_error(run_netwright({"predict", model_dir, run_->file("none.jpg")}), 2, "none.jpg: no such file");
  expect_error(run_netwright({"predict", model_dir, text, "--labels=" + text}), 2, "1 names for 3 classes");
}

// A network of 3 classes in AutoShrink's language.
std::string layers(int strides) {
  return fmt::format(
      "[Input]\nname=image\ninput_shape=[16, 16, 3]\n\n[Input]\nname=label\n\n"
      "[Convolutional]\nname=stem\ninput=image\nfilters=4\nstrides={}\n\n"
      "[GlobalAvgPool]\nname=mean\ninput=stem\n\n[Flatten]\nname=features\ninput=mean\n\n"
      "[Dense]\nname=logits\ninput=features\nunits=3\nactivation=linear\n\n"
      "[SoftmaxLoss]\nname=loss\ninput=logits\nlabels=label\n",
      strides);
}

TEST_F(Run, KeepsTheFileOfItsNetwork) {
  const TemporaryFolder folder;
  const std::string run = folder.file("run");
  const std::string file = folder.write("net.prototxt", layers(2));
  const std::vector<std::string> words = {
      "train", file, "--data=" + data_->path(), "--model_dir=" + run, "--train_steps=2", "--batch=4", "--threads=1"};
  const ProgramResult trained = run_netwright(words);
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  std::filesystem::remove(file);
  EXPECT_EQ(read_file(run + "/net.prototxt"), layers(2));
  EXPECT_EQ(evaluate({"--model_dir=" + run}).exit_code, 0);
  EXPECT_EQ(run_netwright({"predict", "--model_dir=" + run, write_picture(1)}).exit_code, 0);
  // The same variables, but not the same network.
  folder.write("net.prototxt", layers(1));
  const ProgramResult other = run_netwright(words);
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("net.prototxt isn't what " + run + " was begun with"));
}

}  // namespace
}  // namespace netwright::test
