/** Joins: which results go to which elements, when one has several, and when a part of them is missing. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import type { Handlers } from '../support/upstream.js';

const shared = afterAll(test);

/** Posts, and what hangs on them. `steps`, `fields`: of the page at `/v1/feed`. */
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

test('… by a hidden step, for whose readers all of it is there', async (t) => {
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

test('of lists of which one failed, what hangs on the others is there', async (t) => {
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

test('of a list of which every part failed, nothing hangs on it', async (t) => {
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
