// JSON as text, whatever bytes its strings have.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace netwright {

// Names of files and classes need not be UTF-8, as JSON must be: U+FFFD stands for what isn't.
template <typename Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// A name as it comes back out of JSON.
inline std::string kept_by_json(const std::string& name) {
  return nlohmann::json::parse(json_text(nlohmann::json(name)));
}

}  // namespace netwright
