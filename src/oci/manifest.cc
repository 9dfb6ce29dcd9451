#include "entrepot/oci/manifest.h"

#include "entrepot/oci/media_type.h"

#include <nlohmann/json.hpp>

namespace entrepot::oci {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;

Error invalid(std::string message) { return {Error::Code::kInvalid, "the manifest is not valid: " + std::move(message)}; }

// A json value converts from anything, a Result<json> therefore to nothing: hence the wrapper.
struct Document {
  json root;
};

Result<Document> parse_json(std::string_view body) {
  if (body.size() > kMaxManifestSize) {
    return Error{Error::Code::kTooLarge, "the manifest has " + std::to_string(body.size()) + " bytes, more than " + std::to_string(kMaxManifestSize)};
  }
  bool too_deep = false;
  const auto check_depth = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;  // what is below is thrown away as it is read
  };
  json parsed = json::parse(body, check_depth, false);
  if (too_deep) return invalid("it is nested deeper than " + std::to_string(kMaxDepth) + " levels");
  if (!parsed.is_object()) return invalid("it is not a JSON object");
  return Document{std::move(parsed)};
}

std::string text_at(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Result<Descriptor> read_descriptor(const json& object, const std::string& where) {
  if (!object.is_object()) return invalid(where + " is not a descriptor");
  const auto digest = Digest::parse(text_at(object, "digest"));
  if (!digest) return invalid(where + " has no valid digest: " + digest.error().message);
  const auto size = object.find("size");
  if (size == object.end() || !size->is_number_unsigned()) return invalid(where + " has no valid size");
  return Descriptor{*digest, size->get<uint64_t>(), text_at(object, "mediaType")};
}

Result<std::vector<Descriptor>> read_descriptors(const json& object, const char* key) {
  std::vector<Descriptor> descriptors;
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return descriptors;
  if (!it->is_array()) return invalid(std::string(key) + " is not a list");
  for (const auto& entry : *it) {
    TRY_ASSIGN(auto descriptor, read_descriptor(entry, std::string(key) + "[" + std::to_string(descriptors.size()) + "]"));
    descriptors.push_back(std::move(descriptor));
  }
  return descriptors;
}

Result<std::vector<Descriptor>> read_schema1_layers(const json& object) {
  std::vector<Descriptor> layers;
  const auto it = object.find("fsLayers");
  if (it == object.end() || !it->is_array()) return invalid("schema 1 without fsLayers");
  for (const auto& entry : *it) {
    const auto digest = Digest::parse(entry.is_object() ? text_at(entry, "blobSum") : std::string());
    if (!digest) return invalid("fsLayers[" + std::to_string(layers.size()) + "] has no valid blobSum");
    layers.push_back({*digest, std::nullopt, std::string(media_type::kOctetStream)});
  }
  return layers;
}

enum class Shape { kIndex, kImage, kSchema1 };

// The type that was declared decides; where it is silent, the body's own, then what the body has.
Result<Shape> shape_of(const json& object, std::string_view type) {
  using namespace media_type;
  const bool index = object.contains("manifests");
  const bool image = object.contains("layers") || object.contains("config") || object.contains("blobs");
  if (type == kOciArtifact) return Shape::kImage;  // all that it could name is optional
  if (index && (type == kOciIndex || type == kDockerList)) return Shape::kIndex;
  if (image && (type == kOciManifest || type == kDockerManifest)) return Shape::kImage;
  if (type == kDockerSchema1 || type == kDockerSchema1Signed) return Shape::kSchema1;
  if (index) return Shape::kIndex;
  if (image) return Shape::kImage;
  if (object.contains("fsLayers")) return Shape::kSchema1;
  return invalid("it is neither an image manifest nor an index");
}

bool says_nothing(std::string_view type) {
  return type.empty() || type == media_type::kJson || type == media_type::kOctetStream || type == "text/plain";
}

std::string media_type_by_shape(Shape shape, const json& object) {
  switch (shape) {
    case Shape::kIndex: return std::string(media_type::kOciIndex);
    case Shape::kImage: return std::string(media_type::kOciManifest);
    case Shape::kSchema1: break;
  }
  return std::string(object.contains("signatures") ? media_type::kDockerSchema1Signed : media_type::kDockerSchema1);
}

Result<std::string> base64url_decoded(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (char c : text) {
    uint32_t value;
    if (c >= 'A' && c <= 'Z') value = static_cast<uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z') value = static_cast<uint32_t>(c - 'a' + 26);
    else if (c >= '0' && c <= '9') value = static_cast<uint32_t>(c - '0' + 52);
    else if (c == '-') value = 62;
    else if (c == '_') value = 63;
    else return invalid("a signature is not base64url");
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

// The payload that one JWS signature of a schema 1 manifest covers.
Result<std::string> signed_payload(const json& signature, std::string_view body) {
  if (!signature.is_object()) return invalid("a signature is not an object");
  TRY_ASSIGN(const auto header, base64url_decoded(text_at(signature, "protected")));
  const json parsed = json::parse(header, nullptr, false);
  if (!parsed.is_object()) return invalid("a signature's protected header is not JSON");
  const auto length = parsed.find("formatLength");
  if (length == parsed.end() || !length->is_number_unsigned() || length->get<uint64_t>() > body.size()) {
    return invalid("a signature's formatLength is wrong");
  }
  TRY_ASSIGN(const auto tail, base64url_decoded(text_at(parsed, "formatTail")));
  return std::string(body.substr(0, length->get<size_t>())) + tail;
}

Result<std::string> schema1_payload(std::string_view body) {
  TRY_ASSIGN(const auto document, parse_json(body));
  const json& object = document.root;
  const auto signatures = object.find("signatures");
  if (signatures == object.end() || !signatures->is_array() || signatures->empty()) return invalid("signed schema 1 without signatures");
  TRY_ASSIGN(auto payload, signed_payload(signatures->front(), body));
  for (const auto& signature : *signatures) {
    TRY_ASSIGN(const auto other, signed_payload(signature, body));
    if (other != payload) return invalid("its signatures cover different payloads");
  }
  return payload;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view body, std::string_view content_type) {
  TRY_ASSIGN(const auto document, parse_json(body));
  const json& object = document.root;
  Manifest manifest;
  manifest.media_type = says_nothing(content_type) ? media_type::normalized(text_at(object, "mediaType")) : std::string(content_type);
  TRY_ASSIGN(const auto shape, shape_of(object, manifest.media_type));
  if (manifest.media_type.empty()) manifest.media_type = media_type_by_shape(shape, object);
  if (shape == Shape::kSchema1) {
    TRY_ASSIGN(manifest.blobs, read_schema1_layers(object));
    return manifest;
  }
  if (shape == Shape::kIndex) {
    TRY_ASSIGN(manifest.manifests, read_descriptors(object, "manifests"));
  } else {
    TRY_ASSIGN(manifest.blobs, read_descriptors(object, "layers"));
    TRY_ASSIGN(const auto artifacts, read_descriptors(object, "blobs"));
    manifest.blobs.insert(manifest.blobs.end(), artifacts.begin(), artifacts.end());
    if (object.contains("config")) {
      TRY_ASSIGN(auto config, read_descriptor(object["config"], "config"));
      manifest.blobs.push_back(std::move(config));
    }
  }
  if (object.contains("subject") && !object["subject"].is_null()) {
    TRY_ASSIGN(auto subject, read_descriptor(object["subject"], "subject"));
    manifest.subject = std::move(subject);
  }
  return manifest;
}

Result<Digest> manifest_digest(std::string_view body, std::string_view type, HashAlgorithm algorithm) {
  if (type != media_type::kDockerSchema1Signed) return Digest::of(algorithm, bytes_of(body));
  TRY_ASSIGN(const auto payload, schema1_payload(body));
  return Digest::of(algorithm, bytes_of(payload));
}

}  // namespace entrepot::oci
