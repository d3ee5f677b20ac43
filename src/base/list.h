/* SPDX-License-Identifier: BSD-2-Clause */
/* Doubly linked circular lists; the head is a link like any other. An unlinked link points to itself. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define list_entry(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
#define list_first(head, type, member) list_entry((head)->next, type, member)

#define list_for_each(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
/* The current link may be removed, and only that one. */
#define list_for_each_safe(pos, head) \
    for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head); \
         pos = pos##_next, pos##_next = pos->next)

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_add_before(struct list *link, struct list *where)
{
    link->next = where;
    link->prev = where->prev;
    where->prev->next = link;
    where->prev = link;
}

static inline void list_add_tail(struct list *link, struct list *head)
{
    list_add_before(link, head);
}

static inline void list_add_head(struct list *link, struct list *head)
{
    list_add_before(link, head->next);
}

/* Harmless on a link that is in no list. */
static inline void list_remove(struct list *link)
{
    link->next->prev = link->prev;
    link->prev->next = link->next;
    list_init(link);
}

/*
 * The first link leaves and `link` is the last from now on. One after the other these are the same, but each
 * load would wait for the store before it.
 */
static inline void list_take_turn(struct list *head, struct list *link)
{
    struct list *first = head->next, *second = first->next, *last = head->prev;
    if (last == first) {
        link->next = link->prev = head;
        head->next = head->prev = link;
    } else {
        head->next = second;
        second->prev = head;
        link->next = head;
        link->prev = last;
        last->next = link;
        head->prev = link;
    }
    list_init(first);
}

/* All links of `from` go behind those of `head`; `from` is empty then. */
static inline void list_append(struct list *head, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    list_init(from);
}

static inline size_t list_count(const struct list *head)
{
    size_t n = 0;
    list_for_each (pos, (struct list *)(head))
        n++;
    return n;
}

#endif
