// A text that comes in pieces, as the tokens of a model: what of it may be shown, and where it is to stop.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace llamacffi {

// The length of `text` without a character at its end of which bytes are still to come. What is no UTF-8 waits for nothing.
inline size_t whole_characters(const std::string & text) {
    const size_t size = text.size();
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        const unsigned char byte = (unsigned char) text[size - back];
        if ((byte & 0xC0) == 0x80) continue;
        const size_t length = byte >= 0xF8 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return length > back ? size - back : size;
    }
    return size;
}

// What is held back is shorter than a stop string or a character: the cost of a piece does not grow with the text.
class TextStream {
  public:
    void stop_at(std::string text) { stops_.push_back(std::move(text)); }

    // Takes a piece in; what may be shown of the text is added to `shown`. Whether a stop string ended the text: it is
    // not shown, nor is what follows.
    bool add(const char * piece, size_t size, std::string & shown) {
        const size_t before = held_.size();
        held_.append(piece, size);
        if (stops_.empty()) {
            show(whole_characters(held_), shown);
            return false;
        }
        size_t end = std::string::npos;
        for (const std::string & stop : stops_)
            end = std::min(end, held_.find(stop, before < stop.size() ? 0 : before - stop.size() + 1));
        if (end != std::string::npos) {
            shown.append(held_, 0, end);
            held_.clear();
            return true;
        }
        show(std::min(whole_characters(held_), held_.size() - longest_beginning()), shown);
        return false;
    }

    // All that was held back: the text has ended otherwise.
    void finish(std::string & shown) { show(held_.size(), shown); }

  private:
    void show(size_t size, std::string & shown) {
        shown.append(held_, 0, size);
        held_.erase(0, size);
    }
    // The length of the longest end of the text that a stop string begins with.
    size_t longest_beginning() const {
        size_t longest = 0;
        for (const std::string & stop : stops_)
            for (size_t size = std::min(stop.size() - 1, held_.size()); size > longest; size--)
                if (!held_.compare(held_.size() - size, size, stop, 0, size)) longest = size;
        return longest;
    }

    std::vector<std::string> stops_;
    std::string held_;
};

}  // namespace llamacffi
