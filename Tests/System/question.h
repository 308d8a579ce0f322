/* What the load clients in C share: the time, and a DNS question. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    largest_question = 300,
    dns_header = 12,
};

struct question {
    uint16_t length;
    unsigned char packet[largest_question];
};

struct questions {
    struct question *all;
    size_t count;
};

/* Nanoseconds on the clock that Python's time.monotonic() reads. */
static inline int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* One A question with RD; the identifier is written when it is sent. False: the name is too long. */
static inline bool encode_question(char *name, struct question *question)
{
    static const unsigned char header[dns_header] = {[2] = 0x01, [5] = 0x01};
    static const unsigned char end[] = {0, 0, 1, 0, 1}; /* the root, A, IN */
    question->length = dns_header;
    memcpy(question->packet, header, sizeof header);
    char *rest = name;
    for (char *label; (label = strsep(&rest, ".")) != NULL;) {
        size_t length = strlen(label);
        if (length == 0) continue;
        if (length > 63 || question->length + 1 + length + sizeof end > largest_question) return false;
        question->packet[question->length++] = (unsigned char)length;
        memcpy(question->packet + question->length, label, length);
        question->length += length;
    }
    memcpy(question->packet + question->length, end, sizeof end);
    question->length += sizeof end;
    return true;
}

/* The questions of a query file of dnsperf, one "NAME A" per line. None: it cannot be read, or says nothing. */
static inline struct questions read_questions(const char *path)
{
    struct questions questions = {NULL, 0};
    FILE *file = fopen(path, "r");
    if (file == NULL) return questions;
    char line[512];
    for (size_t room = 0; fgets(line, sizeof line, file) != NULL;) {
        line[strcspn(line, " \t\n")] = 0;
        if (line[0] == 0) continue;
        if (questions.count == room) {
            room = room == 0 ? 1024 : room * 2;
            questions.all = realloc(questions.all, room * sizeof *questions.all);
            if (questions.all == NULL) abort();
        }
        if (encode_question(line, &questions.all[questions.count])) questions.count++;
    }
    fclose(file);
    return questions;
}
