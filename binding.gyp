{
  # node-gyp's way to what `npm run build:addon` calls, for tools that look for one. Not in the package: npm would compile on install.
  'targets': [
    {
      'target_name': 'addons',
      'type': 'none',
      'actions': [
        {
          'action_name': 'build',
          'inputs': ['native/build.sh', 'native/exports.map', '<!@(ls native/*.cc native/*.h native/*/*.cc native/*/*.h)'],
          'outputs': ['<(PRODUCT_DIR)/bpf.node', '<(PRODUCT_DIR)/testbed.node'],
          'action': ['sh', 'native/build.sh', '<(PRODUCT_DIR)'],
        },
      ],
    },
  ],
}
