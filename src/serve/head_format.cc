#include "head_format.h"

#include <charconv>

namespace entrepot::serve {
namespace {

void append_number(std::string& out, uint64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end.ptr);
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  const size_t start = out.size();
  out += value;
  for (size_t i = start; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    if ((c < 0x20 && c != '\t') || c == 0x7f) out[i] = ' ';
  }
  out += "\r\n";
}

size_t likely_size(const Head& head) {
  size_t size = 200;
  for (const auto& [name, value] : head.headers) size += name.size() + value.size() + 4;
  return size;
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "";  // RFC 9112, 4: the phrase may be empty, the blank before it stays
  }
}

std::string format_head(const Head& head, const Framing& framing, std::string_view date) {
  std::string out;
  out.reserve(likely_size(head));
  out += "HTTP/1.1 ";
  append_number(out, static_cast<uint64_t>(head.status));
  out += ' ';
  out += reason_phrase(head.status);
  out += "\r\nServer: entrepot\r\nDate: ";
  out += date;
  out += "\r\n";
  for (const auto& [name, value] : head.headers) append_line(out, name, value);
  if (framing.content_length) {
    out += "Content-Length: ";
    append_number(out, *framing.content_length);
    out += "\r\n";
  }
  if (framing.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (framing.keep_alive == KeepAlive::kClose) out += "Connection: close\r\n";
  if (framing.keep_alive == KeepAlive::kSaid) out += "Connection: keep-alive\r\n";
  out += "\r\n";
  return out;
}

}  // namespace entrepot::serve
