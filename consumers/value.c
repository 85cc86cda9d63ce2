#include "consumers/value.h"

size_t value_integer_text(int64_t number, char ret_text[VALUE_INTEGER_TEXT_SIZE])
{
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char digits[VALUE_INTEGER_TEXT_SIZE];
    size_t start = sizeof(digits);

    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        digits[--start] = '-';
    }
    memcpy(ret_text, digits + start, sizeof(digits) - start);
    return sizeof(digits) - start;
}

void value_hex(struct str bytes, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];

        ret_text[2 * i] = digits[byte >> 4];
        ret_text[2 * i + 1] = digits[byte & 15];
    }
}
