// Keys from the head of an HTTP/1 request (RFC 9112): a header, a cookie, or the
// request target. Pure.
#pragma once

#include <string>
#include <string_view>

#include "conf/config.h"
#include "proxy/keys/lines.h"
#include "proxy/keys/parse_status.h"

namespace ringway::proxy {

// from: header, cookie, target. The first header, or cookie, of the name counts.
class HttpHeadParser {
public:
    explicit HttpHeadParser(const conf::KeyPart& part) : part_(&part) {}
    ParseStatus read(std::string_view head, std::string& key);

private:
    ParseStatus read_request_line(std::string_view line, std::string& key);
    ParseStatus read_header(std::string_view line, std::string& key) const;

    const conf::KeyPart* part_;
    Lines lines_;
    bool at_request_line_ = true;
};

}  // namespace ringway::proxy
