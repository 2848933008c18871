// fuzz_seeds FOLDER: writes small well-formed inputs, FOLDER/TARGET/NAME, from which fuzzing starts.
#include <cstdio>
#include <filesystem>

#include <zlib.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "data/encode.h"
#include "formats/bundle_index.h"
#include "formats/crc32c.h"
#include "formats/event_file.h"
#include "formats/example.h"
#include "formats/safetensors.h"
#include "formats/tensor_bundle.h"
#include "formats/tensor_bundle.pb.h"
#include "formats/tfrecord.h"
#include "fuzz/bundle_input.h"
#include "fuzz/target.h"
#include "graph/builder.h"
#include "graph/json.h"
#include "models/registry.h"
#include "train/run_info.h"

namespace netwright::fuzz {
namespace {

class Seeds {
 public:
  explicit Seeds(std::string folder) : folder_(std::move(folder)) {}

  void add(std::string_view target, std::string_view name, std::string_view bytes) const {
    const Target& known = find_target(target);
    if (bytes.size() > static_cast<size_t>(known.max_bytes)) fail("{}/{}: {} bytes", target, name, bytes.size());
    const std::string folder = fmt::format("{}/{}", folder_, known.name);
    std::filesystem::create_directories(folder);
    write_file_atomically(fmt::format("{}/{}", folder, name), bytes);
  }

 private:
  std::string folder_;
};

Example small_example() {
  Example example;
  example.set_bytes("image/encoded", "\xff\xd8\xff\xd9");
  example.set_int64("image/class/label", -3);
  example.set_floats("image/object/bbox", {0.25F, -1.5F});
  return example;
}

void add_records(const Seeds& seeds) {
  const std::array<std::pair<Compression, const char*>, 3> kinds = {
      {{Compression::kNone, "tfrecord"}, {Compression::kGzip, "tfrecord_gzip"}, {Compression::kZlib, "tfrecord_zlib"}}};
  for (const auto& [compression, target] : kinds) {
    const std::string path = scratch_folder() + "/records";
    RecordWriter writer(path, compression);
    for (const char* record : {"foo", "", "a longer record"}) writer.write(record);
    writer.close();
    seeds.add(target, "three", read_file(path));
  }
  seeds.add("tfrecord", "empty", "");
  seeds.add("tfrecord_gzip", "empty", "");
  seeds.add("example", "three_kinds", small_example().serialize());
  std::string events;
  {
    EventWriter writer(scratch_folder() + "/events_of_seed");
    writer.scalar("loss", 0.5, 7, 1.0);
    writer.scalar("accuracy/top1", 0.25, 8, 2.0);
    writer.flush();
    events = read_file(writer.path());
  }
  seeds.add("events", "two_scalars", events);
}

std::string entry_text(DataType type, const std::vector<int64_t>& shape, int shard, int64_t offset, int64_t size) {
  proto::BundleEntry entry;
  entry.set_dtype(static_cast<int>(type));
  for (const int64_t extent : shape) entry.mutable_shape()->add_dim()->set_size(extent);
  entry.set_shard_id(shard);
  entry.set_offset(offset);
  entry.set_size(size);
  return entry.SerializeAsString();
}

// A variable of [4,3] in two slices.
std::string sliced_entry() {
  proto::BundleEntry entry;
  entry.set_dtype(static_cast<int>(DataType::kFloat));
  entry.mutable_shape()->add_dim()->set_size(4);
  entry.mutable_shape()->add_dim()->set_size(3);
  for (const int64_t start : {0, 2}) {
    proto::TensorSlice& slice = *entry.add_slices();
    auto& rows = *slice.add_extent();
    rows.set_start(start);
    rows.set_length(2);
    slice.add_extent();
  }
  return entry.SerializeAsString();
}

std::string header_text(int shards, bool big_endian) {
  proto::BundleHeader header;
  header.set_num_shards(shards);
  header.set_endianness(big_endian ? 1 : 0);
  header.mutable_version()->set_producer(1);
  return header.SerializeAsString();
}

void add_bundles(const Seeds& seeds) {
  BundleInput one;
  one.shards = {std::string(48, '\1')};
  one.entries = {{"", header_text(1, false)},
                 {"global_step", entry_text(DataType::kInt64, {}, 0, 0, 8)},
                 {"bias", entry_text(DataType::kFloat, {2}, 0, 8, 8)},
                 {"half", entry_text(DataType::kHalf, {2, 3}, 0, 16, 12)},
                 {"names", entry_text(DataType::kString, {2}, 0, 30, 8)}};
  BundleInput two;
  two.shards = {std::string(24, '\2'), std::string(40, '\3')};
  two.entries = {{"", header_text(2, true)},
                 {slice_key("w", {{0, 2}, {0, -1}}), entry_text(DataType::kFloat, {2, 3}, 0, 0, 24)},
                 {slice_key("w", {{2, 2}, {0, -1}}), entry_text(DataType::kFloat, {2, 3}, 1, 0, 24)},
                 {"w", sliced_entry()},
                 {"z", entry_text(DataType::kDouble, {2}, 1, 24, 16)}};
  const std::array<std::pair<const char*, BundleInput*>, 2> inputs = {{{"one_file", &one}, {"sliced", &two}}};
  for (const auto& [name, input] : inputs) {
    mend_bundle(*input);
    seeds.add("bundle", name, pack_bundle(*input));
    const std::string prefix = scratch_folder() + "/bundle";
    write_bundle(prefix, *input);
    seeds.add("bundle_index", name, read_file(prefix + ".index"));
  }
  seeds.add("checkpoint_state", "two",
            "model_checkpoint_path: \"model.ckpt-20\"\nall_model_checkpoint_paths: \"/old/model.ckpt-10\"\n"
            "all_model_checkpoint_paths: \"model.ckpt-20\"\nlast_preserved_timestamp: 1.5\n");
}

std::string gzipped(const std::string& bytes) {
  const std::string path = scratch_folder() + "/gzipped";
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return read_file(path);
}

void add_arrays(const Seeds& seeds) {
  SafetensorsWriter writer;
  writer.set_metadata("format", "np");
  writer.add_floats("weights", {2, 2}, std::vector<float>{1, 2, 3, 4});
  writer.add_ints("step", {}, std::vector<int64_t>{7});
  writer.add("half", "BF16", {3}, "abcdef");
  const std::string path = scratch_folder() + "/weights.safetensors";
  writer.write(path);
  seeds.add("safetensors", "three", read_file(path));

  std::string images = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3};
  images += "abcdefghijkl";
  std::string labels = {0, 0, 8, 1, 0, 0, 0, 2, 5, 6};
  seeds.add("idx", "images", images);
  seeds.add("idx", "labels", labels);
  seeds.add("idx_gzip", "images", gzipped(images));
}

Image picture(int64_t height, int64_t width, int64_t channels) {
  Image image;
  image.reshape(height, width, channels);
  for (int64_t i = 0; i < image.bytes(); ++i) image.pixels()[i] = static_cast<uint8_t>(i * 37 + i * i / 11);
  return image;
}

void add_pictures(const Seeds& seeds) {
  const std::string grey = encode_jpeg(picture(9, 17, 1), {.quality = 50});
  const std::string colour = encode_jpeg(picture(24, 33, 3), {.quality = 30});
  const std::string full = encode_jpeg(picture(16, 16, 3), {.quality = 30, .subsampling = false});
  const std::string progressive = encode_jpeg(picture(24, 33, 3), {.quality = 30, .progressive = true});
  for (const char* target : {"jpeg", "jpeg_scaled", "jpeg_window"}) {
    seeds.add(target, "grey", grey + "\x90\x40\x20\x01");
    seeds.add(target, "colour", colour + "\x60\x60\x60\x02");
    seeds.add(target, "full_chroma", full + "\x30\x80\xa0\x08");
    seeds.add(target, "progressive", progressive + "\x50\x20\x70\x04");
  }
  seeds.add("png", "grey", encode_png(picture(5, 7, 1)) + "\x90\x40\x20\x02");
  seeds.add("png", "colour", encode_png(picture(6, 4, 3)) + "\x60\x60\x60\x03");
}

std::string small_graph() {
  GraphBuilder builder("net", {.height = 8, .width = 8});
  const auto scope = builder.scope("net");
  Conv2D conv = {.window = {3, 3, 2, 2}, .filters = 4};
  conv.kernel = builder.parameter({"net/kernel", {3, 3, 3, 4}, ParameterRole::kKernel, {}, 0.5});
  NodeId x = builder.add(conv, {builder.input()});
  x = builder.add(Activation{ActivationKind::kHardSwish}, {x});
  x = builder.add(Add{}, {x, x});
  x = builder.add(GlobalPool{}, {x});
  builder.output("logits", x);
  return nlohmann::json::parse(to_json(builder.finish())).dump();
}

std::string small_run() {
  RunInfo info;
  info.version = "0.1.0";
  info.backend = "torch";
  info.command = {"netwright", "train"};
  info.model = "mnasnet-a1";
  info.options.classes = 3;
  info.options.depth_multiplier = 0.5;
  info.input = {.height = 8, .width = 9};
  info.classes = 3;
  info.variables = "0123456789abcdef";
  info.class_names = {"cat", "dog", "fox"};
  info.train_data = DataFingerprint{"data", 100, 1, "01234567"};
  info.settings = {{"optimizer", "rmsprop", "--optimizer"}};
  write_run_info(scratch_folder(), info);
  return read_file(scratch_folder() + "/run.json");
}

// Every kind of layer, decisions with one choice each.
constexpr const char* kSmallSpec =
    R"(["namedtuple:basic_specs.ConvTowerSpec",["blocks",["list",["namedtuple:basic_specs.Block",["layers",)"
    R"(["list",["namedtuple:mobile_search_space_v3.ConvSpec",["kernel_size",3],["strides",2],["use_batch_norm",)"
    R"(true]],["namedtuple:mobile_search_space_v3.ActivationSpec",["name","relu"]],)"
    R"(["namedtuple:mobile_search_space_v3.DetectionEndpointSpec"]]],["filters",["oneof",["choices",["list",8]],)"
    R"(["tag","filters_indices"]]]],["namedtuple:basic_specs.Block",["layers",["list",)"
    R"(["namedtuple:mobile_search_space_v3.SeparableConvSpec",["kernel_size",3],["strides",2],["activation",)"
    R"(["namedtuple:mobile_search_space_v3.ActivationSpec",["name","relu6"]]]],)"
    R"(["namedtuple:mobile_search_space_v3.ResidualSpec",["layer",["oneof",["choices",["list",)"
    R"(["namedtuple:mobile_search_space_v3.DepthwiseBottleneckSpec",["kernel_size",["oneof",["choices",["list",)"
    R"(5]],["tag","op_indices"]]],["expansion_filters",["oneof",["choices",["list",)"
    R"(["namedtuple:basic_specs.FilterMultiplier",["scale",3.0]]]],["tag","filters_indices"]]],)"
    R"(["use_squeeze_and_excite",["oneof",["choices",["list",true]],["tag","op_indices"]]],["strides",["tuple",)"
    R"(1,1]],["activation",["namedtuple:mobile_search_space_v3.ActivationSpec",["name","swish6"]]],)"
    R"(["se_inner_activation",["namedtuple:mobile_search_space_v3.ActivationSpec",["name","relu"]]],)"
    R"(["se_gating_activation",["namedtuple:mobile_search_space_v3.ActivationSpec",["name","sigmoid"]]]]]],)"
    R"(["tag","op_indices"]]]],["namedtuple:mobile_search_space_v3.ResidualSpec",["layer",)"
    R"(["namedtuple:basic_specs.ZeroSpec"]]],["namedtuple:mobile_search_space_v3.GlobalAveragePoolSpec"]]],)"
    R"(["filters",16]],["namedtuple:basic_specs.Block",["layers",["list",)"
    R"(["namedtuple:mobile_search_space_v3.ConvSpec",["kernel_size",1],["strides",1],["use_batch_norm",)"
    R"(false]]]],["filters",24]]]],["filters_base",8]])";

// Every kind of layer once.
constexpr const char* kLayers =
    "[Model]\nname=m\npretrain=None\n\n[Input]\nname=i\ninput_shape=[8, 8, 3]\n\n[Input]\nname=l\n\n"
    "[Convolutional]\nname=a\ninput=i\nfilters=4\nkernel_size=3\nstrides=2\npadding=SAME\nactivation=swish\n"
    "batchnorm=True\nuse_bias=False\nregularizer_strength=4e-05\ndropout=0.100\n\n"
    "[SeparableConv]\nname=b\ninput=a\nfilters=1\nactivation=linear\n\n"
    "[DepthwiseConv]\nname=c\ninput=a\ndepthwise_multiplier=2\n\n[BatchNorm]\nname=d\ninput=c\ntrainable=False\n\n"
    "[Concat]\nname=e\ninput=['b', 'd']\n\n[Add]\nname=f\ninput=[e,a]\nactivation=relu6\n\n"
    "[Add_n]\nname=g\ninput=e,f\n\n[MaxPool]\nname=h\ninput=g\npool_size=3\n\n[AvgPool]\nname=j\ninput=h\n\n"
    "[Activation]\nname=k\ninput=j\nactivation=hswish\n\n[GlobalAvgPool]\nname=n\ninput=k\n\n"
    "[Flatten]\nname=o\ninput=n\n\n[Dropout]\nname=p\ninput=o\ndropout=0.2\n\n[Identity]\nname=q\ninput=p\n\n"
    "[Dense]\nname=r\ninput=q\nunits=5\nactivation=linear\n\n"
    "[SoftmaxLoss]\nname=s\ninput=r\nlabels=l\nlabel_smoothing=0.1\n\n[Accuracy]\nname=t\nlogits=r\nlabels=l\n\n"
    "[TopkAcc]\nname=u\nlogits=r\nlabels=l\nk=3\n\n[OutputWithSoftmax]\nname=v\ninput=r\n\n";

void add_texts(const Seeds& seeds) {
  seeds.add("block_efficientnet", "b0_2", "r2_k5_s22_e6_i24_o40_c0_f0_d0_se0.25");
  seeds.add("block_efficientnet", "lite", "r1_k3_s11_e1_i32_o16_a1_noskip_cc");
  seeds.add("block_mnasnet", "a1_2", "r3_k5_s22_e3_i24_o40_se0.25");
  seeds.add("block_mnasnet", "noskip", "r1_k3_s11_e1_i32_o16_noskip");
  seeds.add("graph_json", "small", small_graph());
  seeds.add("model_spec", "small", kSmallSpec);
  seeds.add("prototxt", "every_kind", kLayers);
  seeds.add("run_json", "small", small_run());
  seeds.add("metrics", "two_lines", "{\"step\":1,\"loss\":6.9}\n{\"step\":2,\"loss\":6.5}\n");
  seeds.add("flags", "efficientnet",
            "efficientnet-b0\n--batch=64\n--lr_schedule\ncosine\n--noflip\n--image_size=97x131");
  seeds.add("flags", "mnasnet", "mnasnet_a1\n--optimizer=lars\n--epochs=1.5\n--depth-multiplier=0.35\n--use_keras");
  seeds.add("validation_labels", "ids", "n01440764\nn02102040\n");
  seeds.add("validation_labels", "kaggle",
            "ImageId,PredictionString\nILSVRC2012_val_00000002,n01440764 85 1 499 272 \n"
            "ILSVRC2012_val_00000001,n02102040 1 2 3 4 n02102040 5 6 7 8 \n");
  seeds.add("class_names", "two", "a cat\r\na dog\n");
}

}  // namespace
}  // namespace netwright::fuzz

int main(int argc, char** argv) {
  using namespace netwright::fuzz;
  try {
    if (argc != 2) netwright::fail("usage: fuzz_seeds FOLDER");
    const Seeds seeds(argv[1]);
    add_records(seeds);
    add_bundles(seeds);
    add_arrays(seeds);
    add_pictures(seeds);
    add_texts(seeds);
    return 0;
  } catch (const netwright::Error& error) {
    std::fprintf(stderr, "fuzz_seeds: %s\n", error.what());
    return 1;
  }
}
