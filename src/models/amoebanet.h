// AmoebaNet-A, -B, -C and -D (arXiv:1802.01548; tensorflow/tpu models/official/amoeba_net): stacks of cells whose
// wiring is data (spec amoebanet 2).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "models/registry.h"

namespace netwright {

// Two operations on earlier states, added up.
struct Combination {
  std::string left;
  int left_state = 0;
  std::string right;
  int right_state = 0;
};

// A cell. State 0 is the present input, state 1 the one before, state 2 + i the i-th combination. The cell gives those
// states side by side that are not marked as used. Operations: none, 1x1, 3x3, 1x7_7x1, 1x3_3x1, dilated_3x3_rate_R,
// separable_KxK_N, and avg_, max_ or min_pool_KxK.
struct CellGenotype {
  std::array<Combination, 5> combinations;
  std::array<bool, 7> used = {};
};

struct Genotype {
  CellGenotype normal;
  CellGenotype reduction;
};

// 'a' to 'd'. Throws Error for another letter.
Genotype amoebanet_genotype(char letter);

// How the probability that a drop-path keeps an operation's value depends on the cell and the step. The original's
// networks use the first whatever its --drop_connect_version says.
enum class DropPathRule {
  kStep,         // falls from 1 to the survival probability over the run, alike in all cells
  kCell,         // 1 - (n + 1) / cells * (1 - survival) in the n-th cell, alike in all steps
  kCellAndStep,  // falls from 1 to that
};

struct AmoebaNetParams {
  std::string name;
  Genotype genotype;
  int64_t num_cells = 12;        // normal cells in all three stacks together
  int64_t reduction_size = 256;  // filters of the first stack; twice and four times that in the others
  int64_t stem_reduction_size = 32;
  bool use_aux_head = true;  // output "aux_logits", with 0.4 of its loss
  double aux_scaling = 0.4;  // times the auxiliary head's widths of 128 and 768
  double dropout_rate = 0.5;
  double survival_probability = 1.0;  // of an operation's value; 1 or 0: no drop-path
  DropPathRule drop_path = DropPathRule::kStep;
  double batch_norm_momentum = 0.9;
  double batch_norm_epsilon = 1e-5;  // at least 1.001e-5 is used, as by TensorFlow's fused kernel
  int64_t classes = 1001;
  InputSpec input;
};

// Endpoints: the cells by their names (cell_stem_0, cell_0, reduction_cell_0, ...) and global_pool. Throws Error for
// parameters that no network can have, such as filters that a factorised reduction can't halve.
Graph build_amoebanet(const AmoebaNetParams& params);

// The registry's builder.
Graph build_named_amoebanet(const ModelInfo& model, const ModelOptions& options);

}  // namespace netwright
