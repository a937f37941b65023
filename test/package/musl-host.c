// Stands for Node on musl: a program of that C library which loads an addon, registers it, and calls two of its functions,
// with as much of N-API as those want. Usage: musl-host ADDON FUNCTION [WORD]; prints what `FUNCTION(WORD or 0)` gives.
#include <dlfcn.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct napi_value__ {
  napi_valuetype type;
  double number;
  char text[256];
  napi_callback call;
};
struct napi_callback_info__ {
  napi_value argument;
};

static napi_value functions[64];
static size_t functions_len;
static int failures;

static napi_value make(napi_valuetype type) {
  napi_value value = calloc(1, sizeof *value);
  value->type = type;
  return value;
}

napi_status napi_create_function(napi_env env, const char* name, size_t len, napi_callback call, void* data,
                                 napi_value* out) {
  (void)env, (void)len, (void)data;
  *out = functions[functions_len++] = make(napi_function);
  snprintf((*out)->text, sizeof(*out)->text, "%s", name);
  (*out)->call = call;
  return napi_ok;
}
napi_status napi_define_class(napi_env env, const char* name, size_t len, napi_callback call, void* data, size_t count,
                              const napi_property_descriptor* properties, napi_value* out) {
  (void)count, (void)properties;
  return napi_create_function(env, name, len, call, data, out);
}
napi_status napi_set_named_property(napi_env env, napi_value object, const char* name, napi_value value) {
  (void)env, (void)object, (void)name, (void)value;
  return napi_ok;
}
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* argc, napi_value* argv, napi_value* self,
                             void** data) {
  (void)env;
  if (argv != NULL && *argc > 0) argv[0] = info->argument;
  if (argc != NULL) *argc = 1;
  if (self != NULL) *self = make(napi_object);
  if (data != NULL) *data = NULL;
  return napi_ok;
}
napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* out) {
  (void)env;
  *out = value->type;
  return napi_ok;
}
napi_status napi_get_value_uint32(napi_env env, napi_value value, uint32_t* out) {
  (void)env;
  *out = (uint32_t)value->number;
  return napi_ok;
}
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* buffer, size_t room, size_t* len) {
  (void)env;
  if (buffer != NULL) snprintf(buffer, room, "%s", value->text);
  if (len != NULL) *len = strlen(value->text);
  return napi_ok;
}
napi_status napi_create_string_utf8(napi_env env, const char* text, size_t len, napi_value* out) {
  (void)env;
  *out = make(napi_string);
  snprintf((*out)->text, sizeof(*out)->text, "%.*s", len == NAPI_AUTO_LENGTH ? 255 : (int)len, text);
  return napi_ok;
}
napi_status napi_create_double(napi_env env, double number, napi_value* out) {
  (void)env;
  *out = make(napi_number);
  (*out)->number = number;
  return napi_ok;
}
napi_status napi_get_null(napi_env env, napi_value* out) {
  (void)env;
  *out = make(napi_null);
  return napi_ok;
}
napi_status napi_is_exception_pending(napi_env env, bool* out) {
  (void)env;
  *out = false;
  return napi_ok;
}
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref* out) {
  (void)env, (void)count;
  *out = (napi_ref)value;
  return napi_ok;
}
napi_status napi_set_instance_data(napi_env env, void* data, napi_finalize finalize, void* hint) {
  (void)env, (void)data, (void)finalize, (void)hint;
  return napi_ok;
}

/// All the rest (see addons.test.ts).
napi_status unexpected(const char* name) {
  fprintf(stderr, "%s was called\n", name);
  failures++;
  return napi_generic_failure;
}

static napi_value call(const char* name, napi_value argument) {
  struct napi_callback_info__ info = {argument};
  for (size_t i = 0; i < functions_len; i++)
    if (strcmp(functions[i]->text, name) == 0) return functions[i]->call((napi_env)1, &info);
  fprintf(stderr, "no %s\n", name);
  exit(1);
}

int main(int argc, char** argv) {
  void* addon = argc >= 3 ? dlopen(argv[1], RTLD_LAZY) : NULL;
  if (addon == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  napi_addon_register_func initialize = (napi_addon_register_func)dlsym(addon, "napi_register_module_v1");
  if (initialize == NULL || initialize((napi_env)1, make(napi_object)) == NULL) return 1;
  napi_value argument = make(argc > 3 ? napi_string : napi_number);
  if (argc > 3) snprintf(argument->text, sizeof argument->text, "%s", argv[3]);
  napi_value result = call(argv[2], argument);
  printf("%s\n", result->type == napi_string ? result->text : result->type == napi_number ? "a number" : "another value");
  return failures == 0 ? 0 : 1;
}
