// The backend's edge: every call from outside into libtorch goes through `guarded`.
#pragma once

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include "core/error.h"

namespace netwright::torch_backend {

// Runs `body` without autograd; errors of libtorch become ours, in one line (the Program adds the step's name).
template <typename Body>
auto guarded(Body body) {
  const c10::InferenceMode guard;
  try {
    return body();
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    throw Error(message.substr(0, message.find('\n')));
  }
}

}  // namespace netwright::torch_backend
