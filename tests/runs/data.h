// Small sets of images, and runs on them, for the tests of train, eval and predict.
#pragma once

#include <string>
#include <vector>

#include "commands/subprocess.h"
#include "formats/support.h"

namespace netwright::test {

// A JPEG of 20 x 20 pixels in one colour, brighter for higher labels, with some noise.
std::string picture(int label, int variant);

// The serialised record of a picture as imagenet_to_gcs writes it; `label` counts from 1 there.
std::string record(const std::string& image, int label);

// FOLDER/train-00000-of-00001 with 24 and validation-00000-of-00001 with 10 pictures of three classes, and labels.txt.
void write_records(const TemporaryFolder& folder);

// The words of a short training of a tiny network on the folder's records.
std::vector<std::string> train_words(const std::string& data, const std::string& model_dir);

// The result must be an error of exit code `code`, of one line that has `part`.
void expect_error(const ProgramResult& result, int code, const std::string& part);

}  // namespace netwright::test
