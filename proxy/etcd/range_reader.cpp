#include "proxy/etcd/range_reader.h"

#include <utility>

namespace ringway::proxy {

std::string RangeReader::request() const {
    return range_request(from_, end_of_prefix(prefix_), page_keys_, snapshot_.header.revision);
}

EtcdResult<bool> RangeReader::take(std::string_view answer) {
    using Kind = EtcdError::Kind;
    auto page = parse_page(answer);
    if (!page) return page.error();
    if (page->header.revision <= 0) return EtcdError{Kind::malformed, "a range has no revision"};
    // Later pages have the revision of now in their headers.
    if (snapshot_.header.revision == 0) snapshot_.header = page->header;
    for (EtcdKeyValue& each : page->keys) {
        // Otherwise it could go on for ever.
        if (!each.key.starts_with(prefix_) || each.key < from_) {
            return EtcdError{Kind::malformed, "a range has keys that were not asked for"};
        }
        bytes_ += each.key.size() + each.value.size();
        if (bytes_ > bytes_max) {
            return EtcdError{Kind::refused, "the keys and values are more than 256 MiB"};
        }
        from_ = each.key + '\0';
        snapshot_.keys.push_back(std::move(each));
    }
    if (page->more && page->keys.empty()) {
        return EtcdError{Kind::malformed, "a range goes on without keys"};
    }
    return !page->more;
}

}  // namespace ringway::proxy
