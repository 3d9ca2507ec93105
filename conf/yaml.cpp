// The only file that sees yaml-cpp. Its event interface is used, not its nodes:
// events come in file order with a mark each, and cost nothing for aliases.
#include "conf/yaml.h"

#include <algorithm>
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
constexpr std::size_t quiet_bytes_max = std::size_t{1} << 20;

struct Refused {
    Position position;
    std::string message;
};

// Walks over raw text and knows where it is.
struct Cursor {
    std::string_view rest;
    Position position{1, 1};
    int open_brackets = 0;
    bool indenting = true;  // only blanks so far on this line
    bool tab = false;       // one of them a tab

    void advance(std::size_t bytes, char first) {
        rest.remove_prefix(bytes);
        position.column += static_cast<int>(bytes);
        if (first == '\n') {
            position = {position.line + 1, 1};
            indenting = true;
            tab = false;
        } else if (first == '\t') {
            tab = tab || indenting;
        } else if (first != ' ' && first != '\r') {
            indenting = false;
        }
    }
};

// What yaml-cpp would misread or choke on: bytes that are not YAML (it takes
// 0x04 for the end of the file and guesses UTF-16 from NULs), and nesting, for
// which its scanner keeps some 240 bytes per bracket before the first event.
// Brackets in quotes count as well; no real text holds 64 unbalanced ones.
std::optional<Refused> find_bad_text(std::string_view text) {
    if (text.size() > text_bytes_max) return Refused{{1, 1}, "the text is larger than 16 MiB"};
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    Cursor at{text};
    while (!at.rest.empty()) {
        const char first = at.rest.front();
        const auto character = first_character(at.rest);
        if (!character) return Refused{at.position, "expected UTF-8 text, found another byte"};
        const bool newline = first == '\n' || at.rest.starts_with("\r\n");
        if (is_control(character->code) && !newline && first != '\t' && character->code != 0x85) {
            return Refused{at.position, "expected text, found the control character " +
                                            quoted(at.rest.substr(0, character->bytes))};
        }
        if (at.tab && at.indenting && !newline && first != '\t' && first != ' ' && first != '#') {
            return Refused{at.position, "expected spaces before this, found a tab"};
        }
        if (first == '[' || first == '{') ++at.open_brackets;
        if (first == ']' || first == '}') at.open_brackets = std::max(0, at.open_brackets - 1);
        if (at.open_brackets > open_brackets_max) {
            return Refused{at.position, "nested too deeply"};
        }
        at.advance(character->bytes, first);
    }
    return std::nullopt;
}

// Builds the tree from yaml-cpp's events. Throws Refused for what ends it.
class Builder : public YAML::EventHandler {
public:
    explicit Builder(Errors& errors) : errors_(errors) {}

    Node take() { return std::move(root_); }
    std::size_t events() const { return events_; }
    // Where the last event was.
    Position last() const { return last_; }

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
        ++events_;
        last_ = place(mark);
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
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& parent = open_.back();
        // yaml-cpp places an absent value at whatever follows it; its key is nearer.
        const bool is_value = parent.kind == Node::Kind::map && parent.items.size() % 2 == 1;
        if (is_value && node.kind == Node::Kind::null) {
            node.position = parent.items.back().position;
        }
        parent.items.push_back(std::move(node));
    }

    Errors& errors_;
    std::vector<Node> open_;  // the lists and maps around the next event, outermost first
    Node root_;
    int documents_ = 0;
    std::size_t events_ = 0;
    Position last_{1, 1};
};

// Hands the text to yaml-cpp piece by piece, as long as events come back. Until
// a {...} or [...] is closed its scanner may keep every token of it; this bounds
// what it keeps, together with comments and texts, by quiet_bytes_max.
class Feed : public std::streambuf {
public:
    Feed(std::string_view text, const Builder& builder) : text_(text), builder_(builder) {}

private:
    static constexpr std::size_t piece_bytes = 4096;

    int_type underflow() override {
        if (builder_.events() != events_) {
            events_ = builder_.events();
            quiet_bytes_ = 0;
        }
        if (quiet_bytes_ > quiet_bytes_max) {
            throw Refused{builder_.last(), "more than 1 MiB in one {...}, [...], text or comment"};
        }
        const auto piece = text_.substr(0, piece_bytes);
        if (piece.empty()) return traits_type::eof();
        text_.remove_prefix(piece.size());
        quiet_bytes_ += piece.size();
        piece_.assign(piece);
        setg(piece_.data(), piece_.data(), piece_.data() + piece_.size());
        return traits_type::to_int_type(piece_.front());
    }

    std::string_view text_;
    std::string piece_;
    const Builder& builder_;
    std::size_t events_ = 0;
    std::size_t quiet_bytes_ = 0;
};

// Runs yaml-cpp over the text.
Node build(std::string_view text, Errors& errors) {
    Builder builder(errors);
    Feed feed(text, builder);
    std::istream stream(&feed);
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        return builder.take();
    } catch (const YAML::Exception& error) {
        const auto position = error.mark.is_null() ? builder.last() : Builder::place(error.mark);
        errors.push_back({position, "", "not valid YAML: " + error.msg});
    } catch (const Refused& refused) {
        errors.push_back({refused.position, "", refused.message});
    }
    return Node{Node::Kind::refused, {1, 1}, {}, {}};
}

}  // namespace

Node load_yaml(std::string_view text, Errors& errors) {
    if (const auto bad = find_bad_text(text)) {
        errors.push_back({bad->position, "", bad->message});
        return Node{Node::Kind::refused, {1, 1}, {}, {}};
    }
    return build(text, errors);
}

}  // namespace ringway::conf
