/* sentiment.c - opinions whose words say little: most hold a verdict and its opposite, and only the order tells which counts. The plain ones are
 * there to learn the adjectives from: without them no single word would be worth a thing, and training would not find its way. */
#include "stream.h"
#include "texts.h"

#include <autograd/memory.h>

#include <stdio.h>
#include <string.h>

const ct_data_sentiment_options ct_data_sentiment_defaults = {CT_DATA_SENTIMENT_DEFAULTS.end_ = 0};

enum { PURPOSE_TEXT = 16, PURPOSE_CLASS, OPINION_MOST = 48, TEXT_MOST = 160, THINGS = 12 };

static const char *const things[THINGS] = {"plot", "acting", "film", "story", "script", "music", "cast", "ending", "dialogue", "direction", "photography", "humour"};
static const char *const intensifiers[] = {"", "", "", "very ", "really ", "so ", "quite ", "utterly ", "rather "};
static const char *const negators[] = {"not ", "never ", "hardly ", "far from "};
static const char *const adjectives[2][12] = {
    {"bad", "dull", "awful", "boring", "clumsy", "lame", "tedious", "hollow", "terrible", "bland", "silly", "weak"},
    {"good", "great", "funny", "moving", "clever", "charming", "gripping", "fresh", "superb", "witty", "bright", "strong"},
};

/* 1: a thing, 2: another, 3: the opinion that counts, 4: the one that does not. */
static const struct form {
    const char *text;
    bool negates;                               /* says "not" itself, so that its opinions do without */
} forms[] = {
    {"the 1 is 3", false},
    {"all in all i found the 1 3", false},
    {"mind the 1 : it is 3 from start to end", false},
    {"although the 2 is 4 , the 1 is 3", false},
    {"the 1 is 3 , although the 2 is 4", false},
    {"i was told the 1 is 4 , but it is 3", false},
    {"the 1 is 3 , whatever they say of the 4 2", false},
    {"some find the 1 4 ; i found it 3", false},
    {"what seems 4 at first turns out 3 in the end", false},
    {"the 1 is not 4 but 3", true},
    {"the 1 is 3 , not 4", true},
    {"it is not true that the 1 is 4 : it is 3", true},
};

#define ANY(s, list) (list)[next_word(s) % (sizeof(list) / sizeof *(list))]

/* An adjective of this kind, or none of the other. */
static void draw_opinion(struct stream *s, char text[OPINION_MOST], int kind, bool plain)
{
    const bool negated = next_word(s) % 3 == 0 && !plain;
    const char *intensifier = intensifiers[next_word(s) % (negated ? 6 : 9)]; /* nothing is "not utterly" */
    const char *negator = ANY(s, negators), *adjective = ANY(s, adjectives[kind != negated]);
    snprintf(text, OPINION_MOST, "%s%s%s", negated ? negator : "", intensifier, adjective);
}

static void draw_text(char text[TEXT_MOST], uint64_t seed, int64_t index, int class)
{
    struct stream s = stream_of(seed, index, PURPOSE_TEXT, 0);
    const struct form *form = &ANY(&s, forms);
    char verdict[OPINION_MOST], other[OPINION_MOST];
    const uint32_t thing = next_word(&s) % THINGS, another = (thing + 1 + next_word(&s) % (THINGS - 1)) % THINGS;
    draw_opinion(&s, verdict, class, form->negates);
    draw_opinion(&s, other, !class, form->negates);
    const char *const parts[] = {things[thing], things[another], verdict, other};
    size_t length = 0;
    for (const char *c = form->text; *c; c++)
        if (*c >= '1' && *c <= '4')
            length += (size_t)snprintf(text + length, TEXT_MOST - length, "%s", parts[*c - '1']);
        else
            text[length++] = *c;
    text[length] = 0;
}

ct_texts *(ct_data_sentiment)(const ct_data_sentiment_options *options)
{
    const ct_data_sentiment_options o = options ? *options : ct_data_sentiment_defaults;
    size_t bytes;
    if (o.count < 1)
        return ct_fail("data_sentiment: count %lld, want at least 1", (long long)o.count);
    ct_texts *texts = texts_new(1);
    if (!texts)
        return NULL;
    char *text = texts->buffers[0] = size_multiply((size_t)o.count, TEXT_MOST, &bytes) ? heap_alloc(bytes) : NULL;
    bool good = text || ct_fail("data_sentiment: out of memory for %lld texts", (long long)o.count);
    for (int64_t i = 0; good && i < o.count; i++, text += TEXT_MOST) {
        struct stream s = stream_of(o.seed, i / 2, PURPOSE_CLASS, 0);
        const int class = (int)((next_word(&s) + (uint32_t)i) & 1);
        draw_text(text, o.seed, i, class);
        good = texts_add(texts, text, class);
    }
    if (good)
        return texts;
    object_drop(texts);
    return NULL;
}
