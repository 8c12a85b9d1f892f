// The version of this package, as it goes out in `context.library` and `User-Agent`. A constant, because a bundler
// would not carry package.json along; a test holds the two together.

/** Version of `@offthread/sdk`. */
export const version = '0.1.0';
