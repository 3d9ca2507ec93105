// The only file that sees yaml-cpp. Its event interface is used, not its nodes:
// events come in file order with a mark each, and cost nothing for aliases.
#include "conf/yaml.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <istream>
#include <optional>
#include <streambuf>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "conf/text.h"

namespace ringway::conf {
namespace {

constexpr std::size_t depth_max = 16;
constexpr int open_brackets_max = 64;
constexpr std::size_t errors_max = 100;

struct Refused {
    Position position;
    std::string message;
};

// Reading ends here; what was read is kept.
struct Enough {
    Position position;
    std::string message;
};

// Of the bytes that the pre-scan stops at, why.
enum class Stop : std::uint8_t { none, newline, open, close, check };

// Lines matter only for tabs that indent them.
constexpr std::array<Stop, 256> make_stops(bool has_tabs) {
    std::array<Stop, 256> stops{};
    for (std::size_t byte = 0; byte < 0x20; ++byte) stops[byte] = Stop::check;
    for (std::size_t byte = 0x7F; byte < 256; ++byte) stops[byte] = Stop::check;
    stops['\n'] = has_tabs ? Stop::newline : Stop::none;
    stops['['] = stops['{'] = Stop::open;
    stops[']'] = stops['}'] = Stop::close;
    stops['\t'] = Stop::none;
    return stops;
}
constexpr std::array<Stop, 256> stops_without_tabs = make_stops(false);
constexpr std::array<Stop, 256> stops_with_tabs = make_stops(true);

Position position_of(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto lines = std::ranges::count(before, '\n');
    return {static_cast<int>(lines) + 1, static_cast<int>(offset - (before.rfind('\n') + 1)) + 1};
}

// Where a line is indented by a tab in front of something.
std::optional<std::size_t> find_tab_indent(std::string_view line) {
    const auto end = line.find_first_not_of(" \t");
    if (end == std::string_view::npos || line[end] == '#' || line[end] == '\r') return std::nullopt;
    if (line.substr(0, end).find('\t') == std::string_view::npos) return std::nullopt;
    return end;
}

// What yaml-cpp would misread or choke on: bytes that are not YAML (it takes
// 0x04 for the end of the file and guesses UTF-16 from NULs), and nesting, for
// which its scanner keeps some 240 bytes per bracket before the first event.
// Brackets in quotes count as well; no real text holds 64 unbalanced ones.
std::optional<Refused> find_bad_text(std::string_view text) {
    if (text.size() > text_bytes_max) return Refused{{1, 1}, "the text is larger than 16 MiB"};
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const auto refuse = [text](std::size_t at, std::string message) {
        return Refused{position_of(text, at), std::move(message)};
    };
    const bool has_tabs = text.find('\t') != std::string_view::npos;
    const auto& stops = has_tabs ? stops_with_tabs : stops_without_tabs;
    int open_brackets = 0;
    const auto begins_line = [&](std::size_t at) -> std::optional<Refused> {
        if (!has_tabs) return std::nullopt;
        const auto line = text.substr(at, text.find('\n', at) - at);
        const auto tab = find_tab_indent(line);
        if (!tab) return std::nullopt;
        return refuse(at + *tab, "expected spaces before this, found a tab");
    };
    if (auto bad = begins_line(0)) return bad;
    for (std::size_t at = 0;;) {
        while (at < text.size() && stops[static_cast<std::uint8_t>(text[at])] == Stop::none) ++at;
        if (at == text.size()) return std::nullopt;
        switch (stops[static_cast<std::uint8_t>(text[at])]) {
            case Stop::none:
                break;
            case Stop::newline:
                if (auto bad = begins_line(++at)) return bad;
                break;
            case Stop::open:
                if (++open_brackets > open_brackets_max) return refuse(at, "nested too deeply");
                ++at;
                break;
            case Stop::close:
                open_brackets = std::max(0, open_brackets - 1);
                ++at;
                break;
            case Stop::check: {
                const auto rest = text.substr(at);
                const auto character = first_character(rest);
                if (!character) return refuse(at, "expected UTF-8 text, found another byte");
                const auto code = character->code;
                if (is_control(code) && !rest.starts_with("\r\n") && code != 0x85) {
                    return refuse(at, "expected text, found the control character " +
                                          quoted(rest.substr(0, character->bytes)));
                }
                at += character->bytes;
            }
        }
    }
}

// Builds the tree from yaml-cpp's events. Throws Refused or Enough for what ends it.
class Builder : public YAML::EventHandler {
public:
    Builder(Errors& errors, const Watch& watch) : errors_(errors), watch_(watch) {}

    Node take() { return std::move(root_); }
    // The tree so far, if the end was not reached.
    Node take_cut() {
        while (!open_.empty()) {
            open_.back().is_cut = true;
            Node node = std::move(open_.back());
            open_.pop_back();
            put(std::move(node));
        }
        return take();
    }
    // Where the last event was.
    Position last() const { return last_; }

    // Throws where more than the slack has been read without being good.
    void check_slack(std::size_t characters) const {
        if (characters <= good_ + slack_characters_max) return;
        throw Enough{last_,
                     "more than 128 KiB without a good listener, certificate, pool or server (in "
                     "one {...} or [...] none is seen before its end)"};
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1) throw Refused{place(mark), "expected one document, found a second"};
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add(make(Node::Kind::null, mark, "", anchor));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        refuse(mark, "aliases (*name) are not supported: write the value out");
        add(make(Node::Kind::refused, mark, "", YAML::NullAnchor));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        const auto kind = tag == "!" ? Node::Kind::quoted : Node::Kind::plain;
        Node node = make(kind, mark, tag, anchor);
        node.text = value;
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(make(Node::Kind::list, mark, tag, anchor));
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(make(Node::Kind::map, mark, tag, anchor));
    }
    void OnMapEnd() override { close(); }

    // yaml-cpp counts from 0.
    static Position place(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

private:
    void refuse(const YAML::Mark& mark, std::string message) {
        if (errors_.size() == errors_max) throw Refused{place(mark), "too many errors to go on"};
        errors_.push_back({place(mark), "", std::move(message)});
    }

    Node make(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
              YAML::anchor_t anchor) {
        last_ = place(mark);
        at_ = static_cast<std::size_t>(mark.pos);
        check_slack(at_);
        if (anchor != YAML::NullAnchor) refuse(mark, "anchors (&name) are not supported");
        if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags are not supported");
        return Node{kind, last_, {}, {}};
    }

    void open(Node node) {
        if (open_.size() == depth_max) throw Refused{node.position, "nested too deeply"};
        open_.push_back(std::move(node));
    }

    void close() {
        Node node = std::move(open_.back());
        open_.pop_back();
        add(std::move(node));
    }

    void add(Node node) {
        const auto good = watch_ ? watch_(open_, node) : std::nullopt;
        put(std::move(node));
        if (!good) return;
        if (*good == 0) throw Enough{last_, "too many errors: the rest of the file was not read"};
        // Text between two good parts counts for the second.
        good_ += std::min(at_ - part_begin_, *good);
        part_begin_ = at_;
    }

    void put(Node node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& parent = open_.back();
        // yaml-cpp reports the position of an absent value as that of the next token; its key's is
        // better.
        const bool is_value = parent.kind == Node::Kind::map && parent.items.size() % 2 == 1;
        if (is_value && node.kind == Node::Kind::null) {
            node.position = parent.items.back().position;
        }
        parent.items.push_back(std::move(node));
    }

    Errors& errors_;
    const Watch& watch_;
    std::vector<Node> open_;  // the lists and maps around the next event, outermost first
    Node root_;
    int documents_ = 0;
    Position last_{1, 1};
    // In characters from the file's begin.
    std::size_t at_ = 0;          // the last event
    std::size_t part_begin_ = 0;  // of what is not yet known to be good
    std::size_t good_ = 0;        // slack_ of the bytes before
};

// Hands the text to yaml-cpp piece by piece, as long as complete parts are good. Its scanner may
// keep every token of a {...} or [...] until that is closed; the pieces bound what it keeps,
// comments and texts included.
class Feed : public std::streambuf {
public:
    Feed(std::string_view text, const Builder& builder) : text_(text), builder_(builder) {}

    std::size_t bytes_read() const { return bytes_read_; }

private:
    static constexpr std::size_t piece_bytes = 4096;

    int_type underflow() override {
        builder_.check_slack(characters_);
        const auto piece = text_.substr(0, piece_bytes);
        if (piece.empty()) return traits_type::eof();
        text_.remove_prefix(piece.size());
        bytes_read_ += piece.size();
        // Every byte of UTF-8 but those that continue a character.
        characters_ += static_cast<std::size_t>(std::ranges::count_if(
            piece, [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0) != 0x80; }));
        piece_.assign(piece);
        setg(piece_.data(), piece_.data(), piece_.data() + piece_.size());
        return traits_type::to_int_type(piece_.front());
    }

    std::string_view text_;
    std::string piece_;
    const Builder& builder_;
    std::size_t bytes_read_ = 0;
    std::size_t characters_ = 0;
};

// Runs yaml-cpp over the text.
Tree build(std::string_view text, Errors& errors, const Watch& watch) {
    Builder builder(errors, watch);
    Feed feed(text, builder);
    std::istream stream(&feed);
    Tree tree{.root = {Node::Kind::refused, {1, 1}, {}, {}}};
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        tree.root = builder.take();
    } catch (const YAML::Exception& error) {
        const auto position = error.mark.is_null() ? builder.last() : Builder::place(error.mark);
        // It may have the first byte of a character alone.
        const std::string why = has_control(error.msg) ? quoted(error.msg) : error.msg;
        errors.push_back({position, "", "not valid YAML: " + why});
    } catch (const Refused& refused) {
        errors.push_back({refused.position, "", refused.message});
    } catch (const Enough& enough) {
        tree.cut = Error{enough.position, "", enough.message};
        tree.root = builder.take_cut();
    }
    tree.bytes_read = feed.bytes_read();
    return tree;
}

}  // namespace

Tree load_yaml(std::string_view text, Errors& errors, const Watch& watch) {
    if (const auto bad = find_bad_text(text)) {
        errors.push_back({bad->position, "", bad->message});
        return {.root = {Node::Kind::refused, {1, 1}, {}, {}}};
    }
    return build(text, errors, watch);
}

}  // namespace ringway::conf
