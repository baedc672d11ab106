/** Joins: which results go to which elements, when an element has several results, and when some are missing. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import type { Handlers } from '../support/upstream.js';

const shared = afterAll(test);

/** Returns a service with posts and the data that belongs to them. `steps` and `fields` define the page at `/v1/feed`. */
const feed = (steps: string, fields: string) => `package feed.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { repeated string posts = 1; string post = 2; string id = 3; repeated string ids = 4; string after = 5; }
message Post { string id = 1; string author_id = 2; string title = 3; }
message Posts { repeated Post posts = 1; }
message Like { string post = 1; string user = 2; }
message Likes { repeated Like likes = 1; }
message Comment { string id = 1; string author_id = 2; }
message Comments { repeated Comment comments = 1; }
message User { string id = 1; string name = 2; }
message Users { repeated User users = 1; }
service Blog {
  rpc ListPosts(Ask) returns (Posts);
  rpc ListLikes(Ask) returns (Likes);
  rpc ListComments(Ask) returns (Comments);
  rpc GetUser(Ask) returns (User);
  rpc BatchGetUsers(Ask) returns (Users);
}
service Pages {
  rpc GetFeed(Ask) returns (Feed) {
    option (google.api.http) = { get: "/v1/feed" };
    option (protogate.v1.aggregate) = {
      max_calls: 1000
${steps}
    };
  }
}
message Feed { repeated Entry entries = 1; repeated protogate.v1.PartFailure failures = 2; ${fields} }
message Entry {
  Post post = 1; repeated Like likes = 2; Like like = 3; repeated Remark remarks = 4; User author = 5; string title = 6;
  string id = 7; repeated string likers = 8;
}
message Remark { Comment comment = 1; User author = 2; }`;

const POSTS = 'steps: { into: "entries.post" call: "feed.v1.Blog/ListPosts" take: "posts" }';
const posts = (count: number) => ({
  message: { posts: Array.from({ length: count }, (_, i) => ({ id: `p${i}`, author_id: `u${i}`, title: `T${i}` })) },
});

async function ask(steps: string, handlers: Handlers, fields = '', target = '/v1/feed') {
  const { send, upstream } = await startGateway(shared, feed(steps, fields), handlers);
  const { status, json, headers } = await send('GET', target);
  const failures = (json.failures ?? []) as { path: string; code: number; message: string }[];
  return { status, json, headers, failures, calls: upstream.calls };
}

const likes = (into: string, more = '') =>
  `steps: { into: "${into}" call: "feed.v1.Blog/ListLikes" for_each: "entries" with: "posts = each.post.id" take: "likes" key: "post" max_items: 50 ${more} }`;
const LIKES = [
  { post: 'p1', user: 'a' },
  { post: 'p0', user: 'b' },
  { post: 'p1', user: 'c' },
  { post: 'px', user: 'd' },
  { post: 'p1', user: 'a' },
];

test('a join of one to many keeps every result, in the order of the answer', async (t) => {
  const { json, failures } = await ask(`${POSTS}\n${likes('entries.likes', 'optional: true')}`, {
    ListPosts: posts(3),
    ListLikes: { message: { likes: LIKES } },
  });
  const users = (list: { user: string }[] = []) => list.map(({ user }) => user);
  t.deepEqual(
    json.entries.map((entry: { likes?: { user: string }[] }) => users(entry.likes)),
    [['b'], ['a', 'c', 'a'], []],
  );
  t.deepEqual(
    failures.map(({ path, code }) => [path, code]),
    [['entries[2].likes', 5]],
  );
});

test('… over several batches, and into a list that is made for all', async (t) => {
  const handlers: Handlers = {
    ListPosts: posts(3),
    ListLikes: (call) => {
      const asked = (call.request as { posts: string[] }).posts;
      return { message: { likes: LIKES.filter(({ post }) => asked.includes(post) || post === 'px') } };
    },
  };
  const { json } = await ask(
    `${POSTS}\n${likes('all', 'batch_size: 1 optional: true')}`,
    handlers,
    'repeated Like all = 3;',
  );
  t.deepEqual(
    json.all.map(({ user }: { user: string }) => user),
    ['b', 'a', 'c', 'a'],
  );
});

test('… by a step that is not returned, whose readers get the whole list', async (t) => {
  const hidden = likes('x').replace('into: "x"', 'name: "found"');
  const { json } = await ask(
    `${POSTS}\n${hidden}\nsteps: { into: "users" copy: "found.user" }`,
    { ListPosts: posts(2), ListLikes: { message: { likes: LIKES } } },
    'repeated string users = 3;',
  );
  t.deepEqual(json.users, ['b', 'a', 'c', 'a']);
});

test('where an element has room for one result, a second one is a failure of its part', async (t) => {
  const handlers: Handlers = { ListPosts: posts(3), ListLikes: { message: { likes: LIKES } } };
  const { json, failures, headers } = await ask(`${POSTS}\n${likes('entries.like', 'optional: true')}`, handlers);
  t.deepEqual(
    json.entries.map((entry: { like?: { user: string } }) => entry.like?.user),
    ['b', undefined, undefined],
  );
  t.deepEqual(
    failures.map(({ path, code }) => [path, code]),
    [
      ['entries[1].like', 13],
      ['entries[2].like', 5],
    ],
  );
  t.is(headers['x-protogate-partial'], 'entries[1].like, entries[2].like');
  const required = await ask(`${POSTS}\n${likes('entries.like')}`, { ...handlers, ListPosts: posts(2) });
  t.deepEqual([required.status, required.json.code], [502, 13]);
});

const REMARKS =
  'steps: { into: "entries.remarks.comment" call: "feed.v1.Blog/ListComments" for_each: "entries" with: "post = each.post.id" take: "comments" max_items: 9 optional: true }';
const AUTHORS =
  'steps: { into: "entries.remarks.author" call: "feed.v1.Blog/GetUser" for_each: "entries.remarks" with: "id = each.comment.author_id" max_items: 50 optional: true }';

test('if one of several lists fails, steps that read the others still run', async (t) => {
  const handlers: Handlers = {
    ListPosts: posts(5),
    ListComments: (call) => {
      const { post } = call.request as { post: string };
      if (post === 'p2') return { status: { code: 14, message: 'down' } };
      return { message: { comments: [{ id: `${post}a`, author_id: `of ${post}` }] } };
    },
    GetUser: (call) => ({ message: { name: (call.request as { id: string }).id } }),
    BatchGetUsers: (call) => ({
      message: { users: (call.request as { ids: string[] }).ids.map((id) => ({ id, name: id })) },
    }),
  };
  const users =
    'steps: { into: "users" call: "feed.v1.Blog/BatchGetUsers" with: "ids = entries.remarks.comment.author_id" take: "users" optional: true }';
  const together = AUTHORS.replace('GetUser', 'BatchGetUsers').replace(
    'with: "id = each.comment.author_id"',
    'with: "ids = each.comment.author_id" take: "users" key: "id"',
  );
  for (const authors of [AUTHORS, together]) {
    const steps = [POSTS, REMARKS, authors, users].join('\n');
    const { json, failures } = await ask(steps, handlers, 'repeated User users = 3;');
    const names = json.entries.map((entry: { remarks?: { author?: { name: string } }[] }) =>
      entry.remarks?.map(({ author }) => author?.name),
    );
    t.deepEqual(names, [['of p0'], ['of p1'], undefined, ['of p3'], ['of p4']]);
    t.deepEqual(
      failures.map(({ path, code }) => [path, code]),
      [['entries[2].remarks.comment', 14]],
    );
    t.is(json.users.length, 4);
  }
});

test('steps that read a list are not called if all its parts failed', async (t) => {
  const { status, failures, calls } = await ask([POSTS, REMARKS, AUTHORS].join('\n'), {
    ListPosts: posts(2),
    ListComments: { status: { code: 5, message: 'no' } },
  });
  t.is(status, 200);
  t.true(failures.every(({ path }) => path.includes('comment')));
  t.false(calls.some(({ path }) => path.endsWith('GetUser')));
});

test('a path through a list of a named list reads all of it', async (t) => {
  const { json } = await ask(
    `steps: { name: "found" call: "feed.v1.Blog/ListPosts" for_each: "request.ids" with: "id = each" max_items: 9 }
     steps: { into: "titles" copy: "found.posts.title" }
     steps: { into: "users" call: "feed.v1.Blog/GetUser" for_each: "found.posts" with: "id = each.author_id" max_items: 9 }`,
    {
      ListPosts: (call) => {
        const { id } = call.request as { id: string };
        return { message: { posts: [1, 2].map((n) => ({ title: `${id}${n}`, author_id: `${id}${n}` })) } };
      },
      GetUser: (call) => ({ message: { name: (call.request as { id: string }).id } }),
    },
    'repeated string titles = 3; repeated User users = 4;',
    '/v1/feed?ids=a&ids=b',
  );
  t.deepEqual(json.titles, ['a1', 'a2', 'b1', 'b2']);
  t.deepEqual(
    json.users.map(({ name }: { name: string }) => name),
    json.titles,
  );
});

/** A step that returns the posts as they are: an empty title is not encoded. */
const RAW = 'steps: { name: "raw" call: "feed.v1.Blog/ListPosts" take: "posts" }';
const rawPosts: Handlers = {
  ListPosts: {
    message: {
      posts: [
        { id: 'a', title: 'A', author_id: 'x' },
        { id: 'b', author_id: 'y' },
        { id: 'c', title: 'C', author_id: 'x' },
      ],
    },
  },
  GetUser: (call) => ({ message: { name: (call.request as { id: string }).id } }),
};
const ids = 'steps: { into: "entries.id" copy: "raw.id" }';
const titles = 'steps: { into: "entries.title" copy: "raw.title" }';
const author = (more = '') =>
  `steps: { into: "entries.author" call: "feed.v1.Blog/GetUser" for_each: "raw" with: "id = each.author_id" max_items: 9 ${more} }`;

interface Meeting {
  readonly fact: string;
  readonly steps: readonly string[];
  readonly entries: readonly object[];
}

const ROWS = [
  { id: 'a', title: 'A', author: { name: 'x' } },
  { id: 'b', author: { name: 'y' } },
  { id: 'c', title: 'C', author: { name: 'x' } },
];
const only = (...keys: readonly string[]) =>
  ROWS.map((row) => Object.fromEntries(Object.entries(row).filter(([key]) => keys.includes(key))));

const MEETINGS: readonly Meeting[] = [
  { fact: 'two copies of one hidden list', steps: [RAW, ids, titles], entries: only('id', 'title') },
  { fact: '… written the other way round', steps: [titles, ids, RAW], entries: only('id', 'title') },
  {
    fact: 'a copy with for_each, and one without',
    steps: [RAW, ids, 'steps: { into: "entries.title" for_each: "raw" copy: "each.title" max_items: 9 }'],
    entries: only('id', 'title'),
  },
  {
    fact: 'a call for each element, and copies',
    steps: [RAW, ids, author(), titles],
    entries: only('id', 'title', 'author'),
  },
  {
    fact: 'a batch by key, and a copy',
    steps: [
      RAW,
      author()
        .replace('GetUser', 'BatchGetUsers')
        .replace('"id = each.author_id"', '"ids = each.author_id" take: "users" key: "id"'),
      ids,
    ],
    entries: only('id', 'author'),
  },
  {
    fact: 'whole messages, and a field of each',
    steps: [
      RAW,
      'steps: { into: "entries.post" copy: "raw" }',
      'steps: { into: "entries.post.title" copy: "raw.id" }',
      'steps: { into: "entries.id" copy: "raw.id" }',
    ],
    entries: ['x', 'y', 'x'].map((authorId, i) => {
      const id = 'abc'[i]!;
      return { post: { id, authorId, title: id }, id };
    }),
  },
  {
    fact: 'copies of a list of the answer, whole and in part',
    steps: [
      'steps: { into: "all" call: "feed.v1.Blog/ListPosts" take: "posts" }',
      'steps: { into: "entries.post" copy: "all" }',
      'steps: { into: "entries.id" copy: "all.id" }',
    ],
    entries: ['a', 'b', 'c'].map((id, i) => ({
      post: { id, authorId: 'xyx'[i]!, ...(id === 'b' ? {} : { title: id.toUpperCase() }) },
      id,
    })),
  },
  {
    fact: 'a condition on the elements: what no step fills is no element',
    steps: [
      RAW,
      'steps: { into: "entries.id" for_each: "raw" copy: "each.id" when: "each.title" max_items: 9 }',
      author('when: "each.title"'),
    ],
    entries: only('id', 'author').filter((_, i) => i !== 1),
  },
  {
    fact: 'a condition on one of them',
    steps: [RAW, author('when: "each.title"'), ids],
    entries: only('id', 'author').map(({ author, ...row }, i) => (i === 1 ? row : { ...row, author })),
  },
  {
    fact: 'steps that fill the same field make elements of their own',
    steps: [RAW, ids, 'steps: { into: "entries.id" copy: "raw.author_id" }', titles],
    entries: [...only('id', 'title'), { id: 'x' }, { id: 'y' }, { id: 'x' }],
  },
  {
    fact: 'steps over other lists too',
    steps: [
      RAW,
      ids,
      'steps: { name: "more" call: "feed.v1.Blog/ListPosts" take: "posts" }',
      'steps: { into: "entries.title" copy: "more.title" }',
    ],
    entries: [...only('id'), { title: 'A' }, {}, { title: 'C' }],
  },
  {
    fact: 'a call alone has an element for each distinct result',
    steps: [RAW, author()],
    entries: [{ author: { name: 'x' } }, { author: { name: 'y' } }],
  },
];

for (const { fact, steps, entries } of MEETINGS) {
  test(`steps that make one list from one other list fill the same elements: ${fact}`, async (t) => {
    const handlers: Handlers = {
      ...rawPosts,
      BatchGetUsers: (call) => ({
        message: { users: (call.request as { ids: string[] }).ids.map((id) => ({ id, name: id })) },
      }),
    };
    const { json, failures } = await ask(steps.join('\n'), handlers, 'repeated Post all = 3;');
    const shown = json.entries.map(({ author, ...row }: { author?: { name: string } }) =>
      author === undefined ? row : { ...row, author: { name: author.name } },
    );
    t.deepEqual(shown, entries);
    t.deepEqual(failures, []);
  });
}

test('… below each element of a list, and a for_each over them runs for both', async (t) => {
  const { json } = await ask(
    [
      'steps: { into: "groups.raw" call: "feed.v1.Blog/ListPosts" for_each: "request.ids" with: "id = each" max_items: 9 }',
      'steps: { into: "groups.lines.id" for_each: "groups" copy: "each.raw.posts.id" max_items: 9 }',
      'steps: { into: "groups.lines.title" for_each: "groups" copy: "each.raw.posts.title" max_items: 9 }',
      'steps: { into: "groups.lines.author" call: "feed.v1.Blog/GetUser" for_each: "groups.lines" with: "id = \'{each.id}{each.title}\'" max_items: 50 }',
    ].join('\n'),
    {
      ...rawPosts,
      ListPosts: (call) => {
        const { id } = call.request as { id: string };
        return { message: { posts: [{ id: `${id}1` }, { id: `${id}2`, title: 'T' }] } };
      },
    },
    'repeated Group groups = 3; } message Group { Posts raw = 1; repeated Entry lines = 2;',
    '/v1/feed?ids=a&ids=b',
  );
  t.deepEqual(
    json.groups.map(({ lines }: { lines: object[] }) => lines),
    ['a', 'b'].map((id) => [
      { id: `${id}1`, author: { name: `${id}1` } },
      { id: `${id}2`, title: 'T', author: { name: `${id}2T` } },
    ]),
  );
});

test('if a step fails for one element, only its part of that element is missing', async (t) => {
  const { json, failures, headers } = await ask(
    [
      'steps: { into: "entries.id" call: "feed.v1.Blog/ListLikes" take: "likes" }'.replace(
        'entries.id',
        'entries.like',
      ),
      RAW,
      author('optional: true'),
      ids,
      'steps: { into: "entries.title" for_each: "entries" copy: "each.author.name" max_items: 9 optional: true }',
    ].join('\n'),
    {
      ...rawPosts,
      ListLikes: { message: { likes: [{ user: 'l' }, { user: 'm' }] } },
      GetUser: (call) => {
        const { id } = call.request as { id: string };
        return id === 'y' ? { status: { code: 5, message: 'gone' } } : { message: { name: id } };
      },
    },
  );
  t.deepEqual(json.entries, [
    { like: { user: 'l' } },
    { like: { user: 'm' } },
    { id: 'a', author: { name: 'x' }, title: 'x' },
    { id: 'b' },
    { id: 'c', author: { name: 'x' }, title: 'x' },
  ]);
  t.deepEqual(failures, [
    { path: 'entries[3].author', code: 5, message: 'gone' },
    { path: 'entries[3].title', code: 5, message: 'not called, because a part that this step needs is missing' },
  ]);
  t.is(headers['x-protogate-partial'], 'entries[3].author, entries[3].title');
});

test('if one of several steps fails, the elements of the others are there, and steps that read its part are missing', async (t) => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const steps = [author('optional: true').replace('max_items: 9', 'max_items: 2'), ids];
    const { json, failures } = await ask(
      [
        RAW,
        ...order.map((index) => steps[index]!),
        'steps: { into: "entries.title" for_each: "entries" copy: "each.author.name" max_items: 9 optional: true }',
      ].join('\n'),
      rawPosts,
    );
    t.deepEqual(json.entries, only('id'));
    t.deepEqual(
      failures.map(({ path }) => path),
      ['entries.author', 'entries.title'],
    );
  }
});

test('a copy from one field of a list’s elements into another is one inside each element', async (t) => {
  const { json, failures } = await ask(
    [
      'steps: { into: "entries.title" copy: "entries.author.name" optional: true }',
      'steps: { into: "entries.remarks.author.name" copy: "entries.remarks.comment.id" }',
      POSTS,
      'steps: { into: "entries.author" call: "feed.v1.Blog/GetUser" for_each: "entries" with: "id = each.post.author_id" max_items: 9 optional: true }',
      'steps: { into: "entries.remarks.comment" call: "feed.v1.Blog/ListComments" for_each: "entries" with: "post = each.post.id" take: "comments" max_items: 9 }',
    ].join('\n'),
    {
      ListPosts: posts(3),
      GetUser: (call) => {
        const { id } = call.request as { id: string };
        return id === 'u1' ? { status: { code: 5, message: 'gone' } } : { message: { name: `N${id}` } };
      },
      ListComments: (call) => {
        const { post } = call.request as { post: string };
        return { message: { comments: post === 'p2' ? [] : [{ id: `${post}a` }, { id: `${post}b` }] } };
      },
    },
  );
  const remarks = (entry: { remarks?: { author: { name: string } }[] }) =>
    entry.remarks?.map(({ author }) => author.name);
  t.deepEqual(
    json.entries.map((entry: { title?: string }) => entry.title),
    ['Nu0', undefined, 'Nu2'],
  );
  t.deepEqual(json.entries.map(remarks), [['p0a', 'p0b'], ['p1a', 'p1b'], undefined]);
  t.deepEqual(
    failures.map(({ path, code }) => [path, code]),
    [
      ['entries[1].title', 5],
      ['entries[1].author', 5],
    ],
  );
});
