/* Loaded into a plain bash, it writes down what the shell's variables are when the shell ends, and what a copy of the
   shell (a subshell, a part of a pipeline, a background job) changed and therefore lost. The script that runs sees
   nothing of it: no line, no trap, no variable. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first members of bash's own structures; they have been the same since bash 4.0. */
struct variable {
	char *name;
	char *value;
	char *export_string;
	void *dynamic_value;
	void *assign_function;
	int attributes;
	int context;
};
struct word {
	char *text;
	int flags;
};
struct list {
	struct list *next;
	struct word *word;
};
enum { EXPORTED = 0x1, ARRAY = 0x4, ASSOCIATIVE = 0x40, INVISIBLE = 0x1000 };

extern struct variable *find_variable(const char *);
extern struct variable *find_global_variable(const char *);
extern struct variable **all_exported_variables(void);
extern struct list *assoc_keys_to_word_list(void *);
extern char *assoc_reference(void *, char *);
extern struct list *array_to_word_list(void *);
extern char *the_printed_command_except_trap;
#pragma weak find_variable
#pragma weak find_global_variable
#pragma weak all_exported_variables
#pragma weak assoc_keys_to_word_list
#pragma weak assoc_reference
#pragma weak array_to_word_list
#pragma weak the_printed_command_except_trap

static char path[4096];
static pid_t shell;
static char *before;
static int is_copy;

struct text {
	char *bytes;
	size_t length, room;
};

static void put(struct text *text, const char *bytes, size_t length) {
	if (text->length + length + 1 > text->room) {
		text->room = 2 * (text->length + length + 1);
		text->bytes = realloc(text->bytes, text->room);
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = 0;
}

static void field(struct text *text, char kind, const char *name, const char *value) {
	put(text, &kind, 1);
	for (int i = 0; i < 2; i++) {
		const char *from = i ? value : name;
		put(text, " ", 1);
		for (; from && *from; from++) {
			char digits[3];
			snprintf(digits, sizeof digits, "%02x", (unsigned char)*from);
			put(text, digits, 2);
		}
	}
	put(text, "\n", 1);
}

/* A line for each key of OUTPUT, each item of OTTO_OUTPUT and each exported OTTO_ variable. */
static char *variables(void) {
	struct text text = {0};
	put(&text, "", 0);
	struct variable *output = find_global_variable("OUTPUT");
	if (output && output->attributes & ASSOCIATIVE && output->value) {
		for (struct list *key = assoc_keys_to_word_list(output->value); key; key = key->next) {
			char *value = assoc_reference(output->value, key->word->text);
			field(&text, 'O', key->word->text, value ? value : "");
		}
	}
	struct variable *older = find_global_variable("OTTO_OUTPUT");
	if (older && older->attributes & ARRAY && older->value) {
		for (struct list *item = array_to_word_list(older->value); item; item = item->next)
			field(&text, 'L', "", item->word->text);
	}
	struct variable **exported = all_exported_variables();
	for (; exported && *exported; exported++) {
		struct variable *one = *exported;
		int is_plain = !(one->attributes & (ARRAY | ASSOCIATIVE | INVISIBLE));
		/* A function's own ends with it, so that a copy of the shell loses nothing by it. */
		if (is_copy && one->context)
			continue;
		if (!strncmp(one->name, "OTTO_", 5) && is_plain && one->value)
			field(&text, 'X', one->name, one->value);
	}
	return text.bytes;
}

static void append(const char *head, const char *rest) {
	int file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (file < 0)
		return;
	struct text text = {0};
	put(&text, head, strlen(head));
	put(&text, rest, strlen(rest));
	put(&text, "end\n", 4);
	if (write(file, text.bytes, text.length) < 0)
		text.length = 0;
	close(file);
}

static void note(const char *how) {
	if (!path[0] || !find_variable || !find_global_variable)
		return;
	if (is_copy) {
		char *now = variables();
		if (before && strcmp(before, now)) {
			struct text both = {0};
			put(&both, before, strlen(before));
			put(&both, "now\n", 4);
			put(&both, now, strlen(now));
			append("lost\n", both.bytes);
			before = now;
		}
		return;
	}
	if (getpid() != shell)
		return;
	struct text head = {0};
	char line[200];
	struct variable *output = find_global_variable("OUTPUT");
	int is_spoilt = !output || !(output->attributes & ASSOCIATIVE);
	int is_hidden = output != find_variable("OUTPUT");
	snprintf(line, sizeof line, "%s %d %d\n", how, is_spoilt, is_hidden);
	put(&head, line, strlen(line));
	field(&head, 'C', "", the_printed_command_except_trap ? the_printed_command_except_trap : "");
	append(head.bytes, variables());
}

extern char **environ;

/* Takes a variable out of the environment. The functions for that are bash's own here, and about its variables. */
static void take(const char *name, char *value, size_t room) {
	size_t length = strlen(name);
	char **kept = environ;
	for (char **one = environ; *one; one++) {
		if (strncmp(*one, name, length) || (*one)[length] != '=')
			*kept++ = *one;
		else
			snprintf(value, room, "%s", *one + length + 1);
	}
	*kept = 0;
}

__attribute__((constructor)) static void begin(void) {
	char unused[sizeof path];
	take("WITNESS", path, sizeof path);
	take("LD_PRELOAD", unused, sizeof unused);
	shell = getpid();
}

pid_t fork(void) {
	pid_t (*real)(void) = (pid_t (*)(void))dlsym(RTLD_NEXT, "fork");
	pid_t child = real();
	if (child == 0 && path[0] && find_variable) {
		is_copy = 1;
		before = variables();
	}
	return child;
}

void exit(int status) {
	void (*real)(int) = (void (*)(int))dlsym(RTLD_NEXT, "exit");
	note("exit");
	real(status);
	__builtin_unreachable();
}

void _exit(int status) {
	void (*real)(int) = (void (*)(int))dlsym(RTLD_NEXT, "_exit");
	note("exit");
	real(status);
	__builtin_unreachable();
}

int execve(const char *program, char *const arguments[], char *const environment[]) {
	int (*real)(const char *, char *const[], char *const[]) =
		(int (*)(const char *, char *const[], char *const[]))dlsym(RTLD_NEXT, "execve");
	note("exec");
	return real(program, arguments, environment);
}
