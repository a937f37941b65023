{
  # Two modules: bpf.node samples; testbed.node loads, attaches and drives programs, for tests and `demo` alone.
  'target_defaults': {
    'include_dirs': ['native'],
    'defines': ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS',
                'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-O3'],
    'cflags_cc': [
      '-std=c++20', '-O2', '-fno-exceptions', '-fno-rtti', '-Wall', '-Wextra', '-Werror', '-fvisibility=hidden',
      # No _FORTIFY_SOURCE: its __*_chk functions are glibc's, and the same .node is to load on musl.
      '-U_FORTIFY_SOURCE', '-fstack-protector-strong',
      # As system headers: their warnings are not ours.
      '-isystem', '<!(node -p "path.resolve(require(\'node-addon-api\').include_dir)")',
    ],
    # The C++ library is inside, and stays inside.
    'ldflags': ['-static-libstdc++', '-static-libgcc', '-Wl,--exclude-libs,ALL', '-Wl,-z,relro,-z,now'],
  },
  'targets': [
    {
      'target_name': 'bpf',
      'sources': [
        'native/addon.cc',
        'native/links_to_js.cc',
        'native/names_to_js.cc',
        'native/sample_to_js.cc',
        'native/share.cc',
        'native/core/bpf_syscall.cc',
        'native/core/bpffs.cc',
        'native/core/btf.cc',
        'native/core/cpu_list.cc',
        'native/core/errno_name.cc',
        'native/core/interface.cc',
        'native/core/iter_code.cc',
        'native/core/kernel_layout.cc',
        'native/core/links.cc',
        'native/core/names.cc',
        'native/core/prog_info.cc',
        'native/core/prog_iterator.cc',
        'native/core/prog_table.cc',
        'native/core/prog_walk.cc',
        'native/core/refusal.cc',
        'native/core/sampler.cc',
        'native/core/stats_cost.cc',
        'native/core/stats_switch.cc',
      ],
    },
    {
      'target_name': 'testbed',
      'sources': [
        'native/testbed.cc',
        'native/testbed/test_prog.cc',
        'native/testbed/attach.cc',
        'native/core/bpf_syscall.cc',
        'native/core/btf.cc',
        'native/core/errno_name.cc',
      ],
    },
  ],
}
