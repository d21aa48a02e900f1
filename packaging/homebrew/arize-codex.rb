# Made by `cargo xtask dist`.
class ArizeCodex < Formula
  desc "Tracing for OpenAI's Codex CLI"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license "Apache-2.0"

@ARCHIVES@
  def install
    bin.install Dir["bin/*"]
    man1.install Dir["share/man/man1/*"]
    bash_completion.install Dir["share/bash-completion/completions/*"]
    fish_completion.install Dir["share/fish/vendor_completions.d/*"]
    zsh_completion.install Dir["share/zsh/site-functions/*"]
  end

  def caveats
    <<~TEXT
      Set it up with:
        arize-codex setup
      Before `brew uninstall`, restore Codex's configuration with:
        arize-codex uninstall
    TEXT
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/arize-codex --version")
  end
end
