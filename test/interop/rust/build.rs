//! Compiles the protos of the suite, without protoc.

use protox::Compiler;
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut resolver = ChainFileResolver::new();
    // The newest descriptor.proto has syntax that protox does not know yet.
    resolver.add(GoogleFileResolver::new());
    for folder in [suite.to_owned(), format!("{suite}/../../protos")] {
        resolver.add(IncludeFileResolver::new(folder.into()));
    }
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for file in ["library/v1/library.proto", "kinds/v1/kinds.proto"] {
        compiler.open_file(file)?;
    }
    tonic_prost_build::configure().build_client(false).compile_fds(compiler.file_descriptor_set())?;
    for folder in ["library", "kinds"] {
        println!("cargo::rerun-if-changed={suite}/{folder}");
    }
    Ok(())
}
