// What the tests of training share: a tiny network, fake data, a backend on one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/source.h"
#include "engine/backend.h"
#include "graph/graph.h"
#include "train/trainer.h"

namespace netwright::test {

// One thread: the machine may be busy, and the threads of small operators then wait for each other.
Backend& backend();

// mnasnet-small at a third of its width, for 16 x 16 images of 10 classes.
ModelOptions tiny_options();
inline constexpr const char* kTinyModel = "mnasnet-small";

// A recipe for the tiny network: 4 images a step.
Recipe tiny_recipe(int64_t train_steps);
std::shared_ptr<const ImageSource> fake_data(int64_t images, uint64_t seed = 0);
RunInfo tiny_run(const Recipe& recipe, uint64_t seed = 0);

std::vector<float> download(const FlatBuffer& buffer);
std::unique_ptr<FlatBuffer> upload(const std::vector<float>& values);

}  // namespace netwright::test
