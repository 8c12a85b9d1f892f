// What pnpm does beside what it does anyway: in a published @offthread/sdk nothing is left of `dependencies`. The build puts
// all of them into the package, and nobody is to install them again.
module.exports = {
  hooks: {
    beforePacking(manifest) {
      if (manifest.name === '@offthread/sdk') delete manifest.dependencies;
      return manifest;
    },
  },
};
