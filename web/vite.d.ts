/** What the bundler resolves: the address of a script that was bundled as a worker. */
declare module '*?worker&url' {
  const url: string;
  export default url;
}

/** Styles that the bundler takes along. */
declare module '*.css';
