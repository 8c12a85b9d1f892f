// The site, made from the Markdown files as they are on GitHub: ../pages.js says which, and where their links lead.
import { relative } from 'node:path';
import { defineConfig } from 'vitepress';
import { excluded, home, placeOf, read, root, sidebar, targetOf } from '../pages.js';

const icon = encodeURIComponent(read('packages/devtools/page/icon.svg'));

export default defineConfig({
  title: 'Offthread',
  description: 'Segment analytics for Node.js servers, delivered from a worker thread',
  lang: 'en',
  srcDir: '..',
  srcExclude: excluded,
  // The tests also have a site for another address, built with `--base`.
  outDir: process.env.OFFTHREAD_SITE_DIST ?? 'dist',
  rewrites: (file) => placeOf(file) ?? file,
  cleanUrls: true,
  head: [
    ['link', { rel: 'icon', href: `data:image/svg+xml,${icon}` }],
    ['style', {}, '.dark .in-light, html:not(.dark) .in-dark { display: none }'],
  ],
  markdown: {
    // Braces at the end of a line are text, as on GitHub.
    attrs: { disable: true },
    anchor: { slugify },
    config(md) {
      // Only what begins with https: is a link: README.md isn't a host in Moldova.
      md.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
      md.core.ruler.push('repository', ({ tokens, env }) => {
        const file = fileOf(env);
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          if (token.type === 'link_open') token.attrSet('href', targetOf(file, token.attrGet('href')));
        }
      });
      const { image } = md.renderer.rules;
      md.renderer.rules.image = (tokens, index, ...rest) => {
        const chart = /([\w-]+\.svg)$/.exec(tokens[index].attrGet('src'))?.[1];
        if (chart === undefined) return image(tokens, index, ...rest);
        const alt = md.utils.escapeHtml(tokens[index].content);
        return ['light', 'dark']
          .map(
            (theme) =>
              `<img class="in-${theme}" src="/site/generated/charts/${theme}-${chart}" alt="${alt}">`,
          )
          .join('');
      };
    },
  },
  vite: {
    // Charts as files, even if they are small. The search index is a large chunk.
    build: { assetsInlineLimit: 0, chunkSizeWarningLimit: 2_000 },
    plugins: [
      {
        // The pages are not below this folder, and Vite looks for Vue from there.
        name: 'vue-of-this-folder',
        enforce: 'pre',
        resolveId(id, _, { ssr }) {
          return ssr && /^vue(\/|$)/.test(id) ? { id, external: true } : undefined;
        },
      },
    ],
  },
  themeConfig: {
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: home }],
  },
});

/** The path in the repository of the file that is rendered. */
function fileOf({ realPath, path }) {
  return relative(root, realPath ?? path).replaceAll('\\', '/');
}

/** The anchors that GitHub makes. */
function slugify(title) {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}
