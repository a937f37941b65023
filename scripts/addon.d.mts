/** All files that the package has of its addons, from the root of the project. */
export const prebuilds: readonly string[];
