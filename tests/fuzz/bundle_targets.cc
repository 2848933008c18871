// TensorFlow's checkpoints: the table of the index, its entries with their data files, and the state file.
#include <array>

#include "formats/checkpoint_state.h"
#include "formats/tensor_bundle.h"
#include "fuzz/bundle_input.h"
#include "fuzz/mend.h"
#include "fuzz/target.h"

namespace netwright::fuzz {
namespace {

void read_tensors(const std::string& prefix) {
  attempt([&] {
    const BundleReader reader(prefix);
    attempt([&] { reader.names_in_data_order(); });
    for (const TensorInfo& info : reader.tensors()) {
      require(reader.contains(info.name), "a tensor that is listed is found");
      attempt([&] { reader.read_floats(info.name); });
      attempt([&] { reader.read_raw(info.name); });
      attempt([&] { reader.read_int64_scalar(info.name); });
      attempt([&] { reader.read_strings(info.name); });
    }
  });
}

void fuzz_bundle_index(std::string_view bytes) {
  // For indices that name one data file or two.
  static const bool kDataWritten = [] {
    for (const char* shard : {"00000-of-00001", "00000-of-00002", "00001-of-00002"}) {
      in_file(std::string("index.data-") + shard, std::string(64, '\0'));
    }
    return true;
  }();
  require(kDataWritten, "data files");
  in_file("index.index", bytes);
  read_tensors(scratch_folder() + "/index");
  std::string mended(bytes);
  mend_table(mended);
  in_file("index.index", mended);
  read_tensors(scratch_folder() + "/index");
}

void fuzz_bundle(std::string_view bytes) {
  BundleInput input = unpack_bundle(bytes);
  mend_bundle(input);
  const std::string prefix = scratch_folder() + "/bundle";
  write_bundle(prefix, input);
  read_tensors(prefix);
}

void fuzz_checkpoint_state(std::string_view bytes) {
  in_file("checkpoint", bytes);
  attempt([&] {
    const auto state = read_checkpoint_state(scratch_folder());
    require(state.has_value() && !state->latest.empty(), "a state file that is read names a checkpoint");
  });
  attempt([&] { latest_checkpoint(scratch_folder()); });
}

constexpr std::array<Target, 3> kTargets = {{{"bundle_index", fuzz_bundle_index, 2048},
                                             {"bundle", fuzz_bundle, 2048},
                                             {"checkpoint_state", fuzz_checkpoint_state, 1024}}};

}  // namespace

std::span<const Target> bundle_targets() { return kTargets; }

}  // namespace netwright::fuzz
